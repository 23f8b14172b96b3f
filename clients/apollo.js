// @apollo/client: its cache takes a page after the other, and knows objects by their ids.

import assert from "node:assert/strict";
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";

import { ENDPOINT, signIn } from "./session.js";

const client = new ApolloClient({
  cache: new InMemoryCache({ typePolicies: { Query: { fields: { companies: relayStylePagination() } } } }),
  link: new HttpLink({ uri: ENDPOINT, headers: { Authorization: `Bearer ${await signIn()}` } }),
});
const PAGE = gql`
  query Page($after: String) {
    companies(first: 3, after: $after, orderBy: { field: NAME }) {
      edges { cursor node { id name } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`;
const UPDATE = gql`
  mutation Update($input: UpdateCompanyInput!) {
    updateCompany(input: $input) { company { id name externalId } errors { code } }
  }
`;

const watched = client.watchQuery({ query: PAGE });
let { data } = await watched.refetch();
assert.equal(data.companies.edges.length, 3);
await watched.fetchMore({ variables: { after: data.companies.pageInfo.endCursor } });
({ data } = watched.getCurrentResult());
const names = data.companies.edges.map((edge) => edge.node.name);
assert.equal(new Set(names).size, 6);
assert.deepEqual(names, [...names].sort());

const { id } = data.companies.edges[0].node;
const input = { companyId: id, externalId: "apollo" };
const updated = await client.mutate({ mutation: UPDATE, variables: { input } });
assert.deepEqual(updated.data.updateCompany.errors, []);
const cached = client.cache.extract()[`Company:${id}`];
assert.equal(cached.externalId, "apollo");
