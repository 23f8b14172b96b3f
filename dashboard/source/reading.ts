// Reading: by itself again where the connection was lost.

import { useEffect, useRef } from "react";
import { type AnyVariables, useQuery, type UseQueryArgs } from "urql";

import { backOff } from "./asking";

/** As urql's. What could not be asked is asked again until it is answered, and so the whole page comes back. */
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

  return [state, again] as const;
}
