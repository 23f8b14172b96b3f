// How the API is asked. What is read is kept by id; what is changed makes lists be read anew.

import { type Cache, cacheExchange } from "@urql/exchange-graphcache";
import { createClient as createSocket } from "graphql-ws";
import { Client, fetchExchange, subscriptionExchange } from "urql";

import { ADDRESS, ALIKE, authorization, told } from "./asking";

const MUTATIONS = [
  "createCompany", "updateCompany", "archiveCompany", "restoreCompany", "requestLicenses", "upgradeTrial",
  "updateOrder", "assignOrder", "declineOrder", "cancelOrder", "returnOrder", "addUsers", "importUsers", "updateUser",
  "removeUsers", "addManager", "removeManager", "allocateLicenses", "releaseLicenses", "reallocateLicense",
];
/** Parts of what holds them: they have no id. */
const PARTS = [
  "Viewer", "Contact", "Permission", "CompanyPermissions", "OrderPermissions", "PageInfo", "UserError", "ImportRowError",
  ...["Company", "Order", "License", "User", "Notification", "AuditEvent", "Allocation"].flatMap((name) => [
    `${name}Connection`, `${name}Edge`,
  ]),
];

/** A client for one person acting for one company, with a cache of its own. */
export function openClient() {
  const socket = createSocket({
    url: new URL(ADDRESS, location.href).href.replace(/^http/, "ws"),
    connectionParams: authorization,
    shouldRetry: (event) => !(event instanceof CloseEvent && event.code === 4403),
    retryAttempts: 20,
  });
  const client = new Client({
    ...ALIKE,
    requestPolicy: "cache-and-network",
    exchanges: [
      told,
      cacheExchange({
        keys: Object.fromEntries(PARTS.map((name) => [name, () => null])),
        updates: {
          Mutation: Object.fromEntries(MUTATIONS.map((name) => [name, (_: unknown, __: unknown, cache: Cache) => outdate(cache)])),
          Subscription: { orderChanged: (_, __, cache) => outdate(cache) },
        },
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (request) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.subscribe({ ...request, query: request.query ?? "" }, {
              next: (value) => sink.next(value as never),
              error: (error) => sink.error(error),
              complete: () => sink.complete(),
            }),
          }),
        }),
      }),
    ],
  });
  return { client, close: () => void socket.dispose() };
}

function outdate(cache: Cache) {
  for (const { fieldName, arguments: given } of cache.inspectFields("Query")) {
    if (fieldName !== "viewer") cache.invalidate("Query", fieldName, given ?? undefined);
  }
}
