// Reading: by itself again where the connection was lost, or the server had no time for it.

import { useEffect, useRef } from "react";
import { type AnyVariables, type CombinedError, createRequest, useQuery, type UseQueryArgs } from "urql";

import { backOff, toldToWait } from "./asking";

const unanswered = new Set<() => void>();
/** For whoever would not wait: all that a page could not read. */
export const askAgain = () => [...unanswered].forEach((ask) => ask());

/** Refusals of this moment, which the same question may escape in the next. */
const PASSING: unknown[] = ["RATE_LIMITED", "OVERLOADED"];

const isPassing = ({ networkError, graphQLErrors }: CombinedError) =>
  Boolean(networkError) || graphQLErrors.some(({ extensions }) => PASSING.includes(extensions.code));

/**
 * As urql's. What could not be asked is asked again until it is answered, and so the whole page comes back.
 * `isOld` says that what is asked for by now has not come yet: the data are of what was asked before.
 */
export function useRead<Data, Variables extends AnyVariables>(args: UseQueryArgs<Variables, Data>) {
  const [state, again] = useQuery(args);
  const tries = useRef(0);
  const { error, fetching, operation } = state;
  const passing = error && isPassing(error) ? error : undefined;
  /** What was read before stays meanwhile, and with it whatever is being typed beside it. */
  const kept = useRef<{ key?: number; data?: Data }>({});
  if (state.data) kept.current = { key: operation?.key, data: state.data };
  const data = passing && kept.current.key === operation?.key ? kept.current.data : state.data;

  useEffect(() => {
    if (fetching) return;
    if (!error) tries.current = 0;
    if (!error) return;
    const ask = () => again({ requestPolicy: "network-only" });
    const timer = passing && setTimeout(ask, toldToWait(passing) + backOff(tries.current++));
    unanswered.add(ask);
    return () => {
      clearTimeout(timer);
      unanswered.delete(ask);
    };
  }, [error, passing, fetching, again]);

  const isOld = Boolean(data) && operation?.key !== createRequest(args.query, args.variables as Variables).key;
  return [{ ...state, data, isOld }, again] as const;
}

/** Milliseconds. */
const SPELL = 30_000;

/** Reads again now and then, while it is looked at, what others may change and nothing tells of. What was refused has a time of its own. */
export function useReadNowAndThen(again: (how: { requestPolicy: "network-only" }) => void, error?: CombinedError) {
  useEffect(() => {
    if (error) return;
    const timer = setInterval(() => {
      if (!document.hidden) again({ requestPolicy: "network-only" });
    }, SPELL);
    return () => clearInterval(timer);
  }, [again, error]);
}

/** Reads again while something that is shown will change and nothing tells of it: later and later, and only while it is looked at. */
export function useReadWhile(changing: string[], again: (how: { requestPolicy: "network-only" }) => void) {
  const key = changing.join(" ");
  useEffect(() => {
    if (!key) return;
    let tries = 0;
    let timer: ReturnType<typeof setTimeout>;
    const wait = () => {
      timer = setTimeout(() => {
        if (!document.hidden) again({ requestPolicy: "network-only" });
        wait();
      }, backOff(tries++));
    };
    wait();
    return () => clearTimeout(timer);
  }, [key, again]);
}
