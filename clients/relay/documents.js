// What a frontend would hold, for relay-compiler to read; `graphql` is replaced by what it writes.

graphql`
  query documentsCompanyQuery($id: ID!) {
    node(id: $id) {
      ...documentsUsers_company @alias
      ...documentsName_node
    }
  }
`;

graphql`
  fragment documentsUsers_company on Company
  @refetchable(queryName: "documentsUsersPageQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 2 }, after: { type: "String" }) {
    users(first: $first, after: $after) @connection(key: "documentsUsers_users") {
      totalCount
      edges { node { id email } }
    }
  }
`;

graphql`
  fragment documentsName_node on Node @refetchable(queryName: "documentsNameQuery") {
    id
    ... on Company { name }
  }
`;

graphql`
  fragment documentsOrders_query on Query
  @refetchable(queryName: "documentsOrdersPageQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 10 }, cursor: { type: "String" }) {
    orders(last: $count, before: $cursor, filter: { status: [ASSIGNED] }) @connection(key: "documentsOrders_orders") {
      edges { node { id number } }
    }
  }
`;

graphql`
  fragment documentsViewer_viewer on Viewer @refetchable(queryName: "documentsViewerQuery") {
    user { name }
    company { ...documentsUsers_company @arguments(first: 5) }
  }
`;

graphql`
  mutation documentsAddUserMutation($input: AddUsersInput!) {
    addUsers(input: $input) {
      users { id email }
      errors { code message path }
    }
  }
`;
