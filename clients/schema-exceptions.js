// The rules that schema/schema.graphql keeps not, or not everywhere, and why. An exception that is
// no longer needed fails, too.

export default {
  "@graphql-eslint/strict-id-in-types": {
    reason:
      "Connections, edges, payloads, errors and permissions are answers and no things: they have no identity. " +
      "Viewer and Contact are views on a User, which has an id.",
    options: {
      exceptions: {
        suffixes: ["Connection", "Edge", "Error", "Payload", "Permissions"],
        types: ["Contact", "PageInfo", "Permission", "Viewer"],
      },
    },
  },
  "@graphql-eslint/relay-edge-types": {
    reason: "What is short by its nature, and read as a whole, is a plain list: roles, errors, what a mutation did.",
    options: { listTypeCanWrapOnlyEdgeType: false },
  },
};
