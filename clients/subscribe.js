// graphql-ws: the counts of a company come at once, and again when they change; without a token, nothing does.

import assert from "node:assert/strict";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { ENDPOINT, signIn } from "./session.js";

const token = await signIn();
const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };

async function ask(query, variables = {}) {
  const response = await fetch(ENDPOINT, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  return (await response.json()).data;
}

function connect(connectionParams) {
  return createClient({
    url: ENDPOINT.replace(/^http/, "ws"),
    webSocketImpl: WebSocket,
    connectionParams,
    retryAttempts: 0,
  });
}

const { companies } = await ask("{ companies(first: 1, filter: {kind: [CUSTOMER]}) { edges { node { id } } } }");
const { id } = companies.edges[0].node;
const SUMMARY = `subscription ($id: ID!) { licenseSummaryChanged(companyId: $id) { requested } }`;
const REQUEST = `mutation ($id: ID!) {
  requestLicenses(input: {companyId: $id, quantity: 3}) { order { id } errors { code } }
}`;

const client = connect({ authorization: `Bearer ${token}` });
const events = client.iterate({ query: SUMMARY, variables: { id } });
const before = (await events.next()).value.data.licenseSummaryChanged.requested;
assert.deepEqual((await ask(REQUEST, { id })).requestLicenses.errors, []);
const after = (await events.next()).value.data.licenseSummaryChanged.requested;
assert.equal(after, before + 3);
await events.return();
await client.dispose();

const stranger = connect({ authorization: "Bearer nobodys" });
await assert.rejects(
  () => stranger.iterate({ query: SUMMARY, variables: { id } }).next(),
  (closed) => closed.code === 4403,
);
