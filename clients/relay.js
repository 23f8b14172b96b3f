// Relay, on what relay-compiler made of relay/documents.js: a page, and the next one by its @refetchable query.

import assert from "node:assert/strict";
import { createOperationDescriptor, Environment, Network, RecordSource, Store, fetchQuery } from "relay-runtime";

import { ENDPOINT, signIn } from "./session.js";

const made = async (name) => (await import(`./relay/__generated__/${name}.graphql.js`)).default;
const token = await signIn();

async function ask({ text }, variables) {
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: text, variables }),
  });
  return response.json();
}

const environment = new Environment({ network: Network.create(ask), store: new Store(new RecordSource()) });
const viewer = (await ask({ text: "{ viewer { company { id } } }" }, {})).data.viewer;
const id = viewer.company.id;

/** What the connection of the company holds by now, of all pages together. */
function connection() {
  const company = environment.getStore().getSource().get(id);
  const source = environment.getStore().getSource();
  const { __ref } = company["__documentsUsers_users_connection"];
  const emails = source.get(__ref).edges.__refs.map((edge) => {
    return source.get(source.get(edge).node.__ref).email;
  });
  return { emails, pageInfo: source.get(source.get(__ref).pageInfo.__ref), total: source.get(__ref).totalCount };
}

const query = await made("documentsCompanyQuery");
environment.retain(createOperationDescriptor(query, { id }));
await fetchQuery(environment, query, { id }).toPromise();
const first = connection();
assert.equal(first.emails.length, 2);
assert.equal(first.pageInfo.hasNextPage, true);

const page = await made("documentsUsersPageQuery");
await fetchQuery(environment, page, { id, first: 2, after: first.pageInfo.endCursor }).toPromise();
const both = connection();
assert.equal(both.emails.length, Math.min(4, both.total));
assert.equal(new Set(both.emails).size, both.emails.length);
