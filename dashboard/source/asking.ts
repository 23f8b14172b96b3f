// How the API is asked where nothing is kept, and how it is told what went wrong.

import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { type AnyVariables, Client, type CombinedError, fetchExchange, makeOperation, mapExchange } from "@urql/core";

import { current, end, isCurrent, lasting } from "./session";
import { said } from "./words";

export const ADDRESS = "/graphql";

export const authorization = (): Record<string, string> => {
  const session = current();
  return session ? { authorization: `Bearer ${session.token}` } : {};
};

export const isUnauthenticated = (error?: CombinedError) =>
  error?.graphQLErrors.some(({ extensions }) => extensions.code === "UNAUTHENTICATED") ?? false;

/** Refusals of this moment, which the same question may escape in the next: nothing was done. */
const PASSING: unknown[] = ["RATE_LIMITED", "OVERLOADED"];
export const isTooBusy = ({ graphQLErrors }: CombinedError) => graphQLErrors.some(({ extensions }) => PASSING.includes(extensions.code));

/** Milliseconds: twice as long each time, and never at once with all the others. */
export const backOff = (tries: number, most = 5) => 1_000 * 2 ** Math.min(tries, most) * (0.5 + Math.random() / 2);

/** Milliseconds for which a server says that it has no time. */
export const toldToWait = ({ response }: CombinedError) => (Number((response as Response | undefined)?.headers.get("Retry-After")) || 0) * 1_000;

/** Asks as who is signed in, unless another is named; an answer that comes after another has signed in ends nothing. */
const told = mapExchange({
  onOperation: (operation) => makeOperation(operation.kind, operation, {
    ...operation.context,
    fetchOptions: operation.context.fetchOptions ?? { headers: authorization() },
    asker: operation.context.fetchOptions ? undefined : current()?.token,
  }),
  onResult({ error, operation }) {
    if (isUnauthenticated(error) && operation.context.asker === current()?.token) end();
  },
});

/** Keeps nothing: for previews, which tell of what is not so, and for signing in. */
export const uncached = new Client({
  url: ADDRESS,
  preferGetMethod: false,
  exchanges: [told, fetchExchange],
});

export const UNREACHED = "The server cannot be reached. Look at your connection, and try again.";

/** What went wrong, in words for a person. */
export function explained(error: CombinedError): string {
  if (error.networkError) return UNREACHED;
  if (isUnauthenticated(error)) return "Your session has ended. Sign in again to go on.";
  return error.graphQLErrors.map(({ message }) => said(message)).join(" ");
}

/** In words for a person; and how long to wait before the same is asked again, in milliseconds. */
export class Unanswered extends Error {
  wait: number;

  constructor(error: CombinedError) {
    super(explained(error));
    this.wait = toldToWait(error);
  }
}

export async function tellOnce<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>, variables: Variables,
): Promise<Data> {
  const { data, error } = await uncached.mutation(document, variables).toPromise();
  if (error) throw new Error(explained(error));
  return data as Data;
}

/** Raises Unanswered. As what is saved: where the session ends, it waits until the same person has signed in again for the same company. */
export async function tellLasting<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>, variables: Variables,
): Promise<Data> {
  const asker = current();
  const { data, error } = await uncached.mutation(document, variables).toPromise();
  if (isUnauthenticated(error) && asker) {
    await lasting();
    if (isCurrent(asker)) return tellLasting(document, variables);
  }
  if (error) throw new Unanswered(error);
  return data as Data;
}
