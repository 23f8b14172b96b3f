// @urql/core: a query, a mutation that is refused, and one that is not.

import assert from "node:assert/strict";
import { cacheExchange, Client, fetchExchange } from "@urql/core";

import { ENDPOINT, signIn } from "./session.js";

const headers = { Authorization: `Bearer ${await signIn()}` };
const client = new Client({
  url: ENDPOINT,
  exchanges: [cacheExchange, fetchExchange],
  fetchOptions: { headers },
  preferGetMethod: true,
});
const COMPANIES = `query ($first: Int!) {
  companies(first: $first, filter: {kind: [CUSTOMER]}) { totalCount edges { node { id name updatedAt } } }
}`;
const ADD = `mutation ($input: AddUsersInput!) {
  addUsers(input: $input) { users { email } errors { code path } }
}`;

const { data, error } = await client.query(COMPANIES, { first: 2 });
assert.equal(error, undefined);
assert.equal(data.companies.edges.length, 2);
assert.ok(data.companies.totalCount > 2);

const companyId = data.companies.edges[0].node.id;
const added = async (email) => {
  const input = { companyId, users: [{ email }], allocate: false, preview: true };
  return (await client.mutation(ADD, { input })).data.addUsers;
};
assert.deepEqual((await added("new@urql.example")).users.map((user) => user.email), ["new@urql.example"]);
assert.deepEqual((await added("nothing like it")).errors.map(({ code, path }) => [code, path]), [
  ["INVALID_INPUT", ["input", "users", "0", "email"]],
]);

const wrong = await client.query("{ companies { nothing } }", {});
assert.equal(wrong.error.graphQLErrors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
