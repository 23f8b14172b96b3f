// One request, and one subscription, to the endpoint that this page is at.

import { createClient } from "graphql-ws";

const ENDPOINT = location.origin + location.pathname;

/** The answer to a query or a mutation. `headers` win over the token. */
export async function ask(params, token, headers = {}) {
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/graphql-response+json, application/json;q=0.9",
      ...authorization(token),
      ...lowered(headers),
    },
    body: JSON.stringify(params),
  });
  const type = response.headers.get("Content-Type") ?? "";
  if (type.includes("json")) return response.json();
  throw new Error(`The server answered ${response.status} ${response.statusText}`.trim());
}

/** The events of a subscription. It has a connection of its own, and with it the token of now. */
export function watch(params, token, headers = {}) {
  const client = createClient({
    url: ENDPOINT.replace(/^http/, "ws"),
    connectionParams: { ...authorization(token), ...lowered(headers) },
    retryAttempts: 0,
  });
  const events = client.iterate(params);
  return {
    next: () => events.next().catch(fail),
    return: () => events.return(),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function authorization(token) {
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** Names of headers in small letters, so that each is there once. */
function lowered(headers) {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** A closed connection is an event, which shows as nothing. */
function fail(error) {
  if (error instanceof CloseEvent) throw new Error(`The connection was closed: ${error.code} ${error.reason}`.trim());
  throw error;
}
