// Reading: by itself again where the connection was lost.

import { useEffect, useRef } from "react";
import { type AnyVariables, createRequest, useQuery, type UseQueryArgs } from "urql";

import { backOff } from "./asking";

/**
 * As urql's. What could not be asked is asked again until it is answered, and so the whole page comes back.
 * `isOld` says that what is asked for by now has not come yet: the data are of what was asked before.
 */
export function useRead<Data, Variables extends AnyVariables>(args: UseQueryArgs<Variables, Data>) {
  const [state, again] = useQuery(args);
  const tries = useRef(0);
  const isLost = Boolean(state.error?.networkError) && !state.fetching;

  useEffect(() => {
    if (state.data) tries.current = 0;
    if (!isLost) return;
    const timer = setTimeout(() => again({ requestPolicy: "network-only" }), backOff(tries.current++));
    return () => clearTimeout(timer);
  }, [isLost, state.data, again]);

  const isOld = Boolean(state.data) && state.operation?.key !== createRequest(args.query, args.variables as Variables).key;
  return [{ ...state, isOld }, again] as const;
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
