// How the API is asked. What is read is kept by id; what is changed makes lists be read anew.

import { authExchange } from "@urql/exchange-auth";
import { type Cache, cacheExchange } from "@urql/exchange-graphcache";
import { type Client as Socket, CloseCode, createClient as createSocket } from "graphql-ws";
import { Client, fetchExchange, subscriptionExchange } from "urql";

import { readingAnew } from "./anew";
import { ADDRESS, authorization, backOff, isUnauthenticated } from "./asking";
import { current, end, lasting } from "./session";

const MUTATIONS = [
  "createCompany", "updateCompany", "moveCompany", "archiveCompany", "restoreCompany", "requestLicenses", "upgradeTrial",
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

/** What is told by itself. Where the session ended, it goes on with the next one; what was told meanwhile was missed. */
function openSocket(onMissed: () => void) {
  let token: string | undefined;
  let wasOpen = false;
  return createSocket({
    url: new URL(ADDRESS, location.href).href.replace(/^http/, "ws"),
    connectionParams: () => {
      token = current()?.token;
      return authorization();
    },
    on: {
      connected: (_, __, isRetry) => {
        if (isRetry || wasOpen) onMissed();
        wasOpen = true;
      },
      closed: (event) => {
        if (event instanceof CloseEvent && event.code === CloseCode.Forbidden && token === current()?.token) end();
      },
    },
    shouldRetry: () => true,
    retryAttempts: Infinity,
    retryWait: async (tries) => {
      await lasting();
      await new Promise((resolve) => setTimeout(resolve, backOff(tries)));
    },
  });
}

/** Whoever closes a socket that was still being opened is told that it never was: nobody waits for it any more. */
async function closed(socket: Socket) {
  try {
    await socket.dispose();
  } catch {
    // It is closed.
  }
}

/** A client for one person acting for one company, with a cache of its own. */
export function openClient() {
  const { exchange, readAnew, stop } = readingAnew();
  const socket = openSocket(readAnew);
  const opener = current();
  const isTheirs = () => current()?.userId === opener?.userId && current()?.companyId === opener?.companyId;
  const client = new Client({
    url: ADDRESS,
    preferGetMethod: false,
    requestPolicy: "cache-and-network",
    exchanges: [
      exchange,
      cacheExchange({
        keys: Object.fromEntries(PARTS.map((name) => [name, () => null])),
        updates: {
          Mutation: Object.fromEntries(MUTATIONS.map((name) => [name, (_: unknown, __: unknown, cache: Cache) => outdate(cache)])),
          Subscription: { orderChanged: readAnew },
        },
      }),
      authExchange(async ({ appendHeaders }) => ({
        addAuthToOperation: (operation) => appendHeaders(operation, isTheirs() ? authorization() : {}),
        didAuthError: isUnauthenticated,
        // Whatever is asked waits, a mutation too, until the same person has signed in again for the same company.
        refreshAuth: async () => {
          if (isTheirs()) end();
          await lasting();
          if (!isTheirs()) throw new Error("This was asked for another company.");
        },
      })),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (request) => ({
          subscribe: (sink) => {
            let isNews = false; // the first counts are those that were read
            return {
              unsubscribe: socket.subscribe({ ...request, query: request.query ?? "" }, {
                next: (value) => {
                  if (isNews) readAnew();
                  isNews = true;
                  sink.next(value as never);
                },
                error: (error) => sink.error(error),
                complete: () => sink.complete(),
              }),
            };
          },
        }),
      }),
    ],
  });
  function close() {
    stop();
    void closed(socket);
  }

  return { client, close };
}

function outdate(cache: Cache) {
  for (const { fieldName, arguments: given } of cache.inspectFields("Query")) {
    if (fieldName !== "viewer") cache.invalidate("Query", fieldName, given ?? undefined);
  }
}
