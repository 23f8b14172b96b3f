// A customer's system: its people become learners, it orders, and hands out what it is assigned.
//
//   CANOPY_ADDRESS=https://… CANOPY_TOKEN=cnp_… HOOKS_PORT=9000 HOOKS_URL=https://… \
//     node integration.js people.csv PO-2041
//
// It may be ended at any time and run again: nothing is done twice. docs/integrating.md explains it.

import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { Webhook } from "standardwebhooks";

import { graphql } from "./generated/gql.js";
import type { ChangedQuery, TypedDocumentString, UserErrorCode } from "./generated/graphql.js";

const { CANOPY_ADDRESS, CANOPY_TOKEN, HOOKS_PORT, HOOKS_URL = "" } = process.env;
const AUTHORIZATION = { Authorization: `Bearer ${CANOPY_TOKEN}` };
const MIRROR = "learners.json";
const OVERLAP = 10 * 60 * 1000;
const TRIES = 5;
/** Milliseconds after which the order is looked at though no event came. */
const LOOK_AGAIN = 60_000;
const OPEN = ["REQUESTED", "PARTIALLY_ASSIGNED"];

const IMPORT = graphql(`
  mutation Import($csv: String!) {
    importUsers(input: { csv: $csv, allocate: false }) {
      created updated unchanged rowErrors { line column message } errors { code message path }
    }
  }
`);
const CHANGED = graphql(`
  query Changed($since: DateTime!, $after: String) {
    users(first: 200, after: $after, filter: { updatedAt: { gte: $since }, status: [INVITED, ACTIVE, REMOVED] }) {
      edges { node { id externalId email status license { expiresAt } } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);
const WATCH = graphql(`
  mutation Watch($url: String!) {
    createWebhookEndpoint(input: { url: $url, events: [ORDER_ASSIGNED, ORDER_DECLINED, ORDER_CANCELLED] }) {
      secret webhookEndpoint { id } errors { code message path }
    }
  }
`);
const UNWATCH = graphql(`
  mutation Unwatch($id: ID!) {
    deleteWebhookEndpoint(input: { webhookEndpointId: $id }) { errors { code message path } }
  }
`);
const REQUEST = graphql(`
  mutation Request($quantity: Int!, $purchaseOrder: String!, $key: String!) {
    requestLicenses(input: { quantity: $quantity, purchaseOrder: $purchaseOrder, idempotencyKey: $key }) {
      order { id } errors { code message path }
    }
  }
`);
const LOOK = graphql(`
  query Look($id: ID!) { node(id: $id) { __typename ... on Order { id number status decisionReason } } }
`);
const ALLOCATE = graphql(`
  mutation Allocate($order: ID!, $emails: [String!]!) {
    allocateLicenses(input: { orderId: $order, emails: $emails, onShortage: PARTIAL }) {
      licenses { id } alreadyLicensed { id } unknownEmails shortage errors { code message path }
    }
  }
`);

type UserError = { code: UserErrorCode; message: string; path?: string[] | null };

/** A rule said no, and nothing was written. `code` is for programs, the rest for people. */
class Refused extends Error {
  readonly code: UserErrorCode;

  constructor({ code, message, path }: UserError) {
    super(`${code} ${(path ?? []).join(".")}: ${message}`);
    this.code = code;
  }
}

/** Asks again when nobody answered. Each document here may be sent twice without harm. */
async function ask<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  for (let tried = 1; ; tried += 1) {
    const response = await fetch(`${CANOPY_ADDRESS}/graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...AUTHORIZATION },
      body: JSON.stringify({ query: document, variables }),
    }).catch(() => undefined);
    if (response && response.status < 500 && response.status !== 429) {
      const { data, errors } = (await response.json()) as { data: Result; errors?: { message: string }[] };
      if (errors) throw new Error(errors.map((error) => error.message).join(" "));
      return data;
    }
    if (tried === TRIES) throw new Error(`No answer: ${response?.status ?? "nobody there"}.`);
    await pause(1000 * 2 ** tried);
  }
}

/** The payload of a mutation that refused nothing. */
function done<Payload extends { errors: UserError[] }>(payload: Payload): Payload {
  for (const error of payload.errors) throw new Refused(error);
  return payload;
}

/** Everybody of the file is a learner, or nobody new is; matched by externalId, then email. */
async function syncLearners(csv: string): Promise<string[]> {
  const { created, updated, unchanged, rowErrors } = done((await ask(IMPORT, { csv })).importUsers);
  for (const { line, column, message } of rowErrors) console.error(`Line ${line}, ${column}: ${message}`);
  if (rowErrors.length) process.exit(1);
  console.log(`${created} new, ${updated} changed, ${unchanged} as before.`);
  const [header = "", ...rows] = csv.trim().split(/\r?\n/);
  const at = header.split(",").indexOf("email");
  return rows.map((row) => row.split(",")[at] ?? "");
}

type Event = { type: string; data: { orderId: string } };
type Watch = { next(): Promise<Event | undefined>; end(): Promise<void> };

/** What happens to orders from now on. In earnest it is a service that is always there. */
async function watch(): Promise<Watch> {
  const { secret, webhookEndpoint } = done((await ask(WATCH, { url: HOOKS_URL })).createWebhookEndpoint);
  if (!secret || !webhookEndpoint) throw new Error("There is no endpoint.");
  const webhook = new Webhook(secret);
  const waiting: Event[] = [];
  let wake = () => {};
  const receiver = createServer(async (request, response) => {
    const body = await buffer(request);
    try {
      waiting.push(webhook.verify(body, request.headers as Record<string, string>) as Event);
      response.writeHead(204).end();
      wake();
    } catch {
      response.writeHead(400).end();
    }
  });
  receiver.listen(Number(HOOKS_PORT), "127.0.0.1");
  await once(receiver, "listening");
  return {
    async next() {
      const stop = new AbortController();
      const woken = new Promise<void>((resolve) => (wake = resolve));
      const late = pause(LOOK_AGAIN, undefined, { signal: stop.signal }).catch(() => {});
      if (!waiting.length) await Promise.race([woken, late]);
      stop.abort();
      return waiting.shift();
    },
    async end() {
      receiver.close();
      receiver.closeAllConnections();
      done((await ask(UNWATCH, { id: webhookEndpoint.id })).deleteWebhookEndpoint);
    },
  };
}

/** The order when it is open no more. An event may come twice, or late: it says when to look. */
async function untilDecided(id: string, watch: Watch) {
  for (;;) {
    const { node: order } = await ask(LOOK, { id });
    if (order?.__typename !== "Order") throw new Error("The order is out of sight.");
    console.log(`${order.number} is ${order.status}.`);
    if (!OPEN.includes(order.status)) return order;
    const event = await watch.next();
    if (event) console.log(`Told of ${event.type}.`);
  }
}

/** Bring the copy of the learners up to date with what changed since the last run. */
async function mirror(): Promise<number> {
  type Learner = ChangedQuery["users"]["edges"][number]["node"];
  const kept: { since: string; learners: Record<string, Learner> } = existsSync(MIRROR)
    ? JSON.parse(readFileSync(MIRROR, "utf8"))
    : { since: "2000-01-01T00:00:00Z", learners: {} };
  const begun = Date.now();
  let changed = 0;
  let after: string | null | undefined = null;
  do {
    const { users }: ChangedQuery = await ask(CHANGED, { since: kept.since, after });
    for (const { node } of users.edges) kept.learners[node.id] = node;
    changed += users.edges.length;
    after = users.pageInfo.hasNextPage ? users.pageInfo.endCursor : null;
  } while (after);
  kept.since = new Date(begun - OVERLAP).toISOString();
  writeFileSync(MIRROR, JSON.stringify(kept));
  return changed;
}

/** All licenses as a file. */
async function exportLicenses(): Promise<number> {
  const response = await fetch(`${CANOPY_ADDRESS}/export/licenses.csv`, { headers: AUTHORIZATION });
  if (!response.ok) throw new Error(await response.text());
  const csv = await response.text();
  writeFileSync("licenses.csv", csv);
  return csv.trim().split("\n").length - 1;
}

const [people = "", purchaseOrder = ""] = process.argv.slice(2);
const emails = await syncLearners(readFileSync(people, "utf8"));
const watching = await watch();
const decided = await ask(REQUEST, {
  quantity: emails.length,
  purchaseOrder,
  key: `request ${purchaseOrder}`,
})
  .then(({ requestLicenses }) => done(requestLicenses).order)
  .then((order) => untilDecided(order?.id ?? "", watching))
  .finally(() => watching.end());
if (decided.status === "ASSIGNED") {
  const { licenses, alreadyLicensed, shortage } = done(
    (await ask(ALLOCATE, { order: decided.id, emails })).allocateLicenses,
  );
  console.log(`Allocated ${licenses.length}, had one ${alreadyLicensed.length}, went without ${shortage}.`);
} else {
  console.log(`Nothing to allocate: ${decided.decisionReason ?? "no reason was given"}.`);
}
console.log(`${await mirror()} learners changed.`);
console.log(`${await exportLicenses()} licenses exported.`);
