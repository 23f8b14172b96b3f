// Reading: by itself again where the connection was lost, or the server had no time for it.

import { useCallback, useEffect, useRef } from "react";
import { type AnyVariables, type CombinedError, createRequest, useQuery, type UseQueryArgs } from "urql";

import { backOff, isTooBusy, toldToWait } from "./asking";

const unanswered = new Set<() => void>();
/** For whoever would not wait: all that a page could not read. */
export const askAgain = () => [...unanswered].forEach((ask) => ask());

const isPassing = (error: CombinedError) => Boolean(error.networkError) || isTooBusy(error);

/**
 * As urql's. What could not be asked is asked again until it is answered, and so the whole page comes back.
 * `isOld` says that what is asked for by now has not come yet: the data are of what was asked before.
 */
export function useRead<Data, Variables extends AnyVariables>(args: UseQueryArgs<Variables, Data>) {
  const [state, again] = useQuery(args);
  const tries = useRef(0);
  const { error, fetching, operation } = state;
  const isReading = fetching || state.stale;
  const lasted = useLasted(isReading);
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
  return [{ ...state, data, isOld, reading: { isReading, lasted } }, again] as const;
}

/** Whether it is being read, and how long it took last, in milliseconds. */
interface Reading {
  isReading: boolean;
  lasted: () => number;
}

function useLasted(isRunning: boolean) {
  const time = useRef(0);
  useEffect(() => {
    if (!isRunning) return;
    const began = performance.now();
    return () => {
      time.current = performance.now() - began;
    };
  }, [isRunning]);
  return useCallback(() => time.current, []);
}

/** Milliseconds. */
const SPELL = 30_000;
const SHORT_SPELL = 3_000;
/** Of a server's time: whoever reads often takes no more of it, and a busy one is asked less often. */
const SHARE = 0.01;

/**
 * Reads again now and then, while it is looked at, what others may change and nothing tells of. What was refused has a time of its own.
 * As soon as costs little, where it is told how the `reading` goes.
 */
export function useReadNowAndThen(again: (how: { requestPolicy: "network-only" }) => void, error?: CombinedError, reading?: Reading) {
  const isReading = reading?.isReading;
  const lasted = reading?.lasted;
  useEffect(() => {
    if (error || isReading) return;
    let timer: ReturnType<typeof setTimeout>;
    const spell = () => (lasted ? Math.min(SPELL, Math.max(SHORT_SPELL, lasted() / SHARE)) : SPELL);
    function wait() {
      timer = setTimeout(() => {
        if (!document.hidden) again({ requestPolicy: "network-only" });
        wait();
      }, spell());
    }
    wait();
    return () => clearTimeout(timer);
  }, [again, error, isReading, lasted]);
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
