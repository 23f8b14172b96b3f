// What is shown is read anew, quietly, when something has told that it may be otherwise by now.

import { type Exchange, makeOperation, type Operation, type OperationResult } from "@urql/core";
import { pipe, tap } from "wonka";

import { toldToWait } from "./asking";

/** Milliseconds: all that is told within them is one reason to read. */
const MOMENT = 500;
/** Milliseconds between two readings of what takes long to count. */
const SPELL = 30_000;
/** The context of such a query. */
export const SELDOM = { isSeldom: true };

const hearers = new Set<() => void>();
/** For what is shown and was asked apart from the queries. Answers how to stop. */
export function onAnew(hear: () => void) {
  hearers.add(hear);
  return () => void hearers.delete(hear);
}
export const tellAnew = () => [...hearers].forEach((hear) => hear());

interface Shown {
  operation: Operation;
  /** When it was asked. */
  at: number;
  /** Before then the server has no time for it, and who asked it asks it again after that. */
  notBefore?: number;
  late?: ReturnType<typeof setTimeout>;
}

/** `readAnew` has the queries that are shown asked again in a moment, or once the page is looked at. */
export function readingAnew() {
  const shown = new Map<number, Shown>();
  let ask = (_: Operation) => {};
  let timer: ReturnType<typeof setTimeout> | undefined;

  function note(operation: Operation) {
    const known = shown.get(operation.key);
    if (known && operation.kind === "query" && operation.context.requestPolicy === "cache-first") return; // told of what others read
    clearTimeout(known?.late);
    if (operation.kind === "query") shown.set(operation.key, { operation, at: Date.now() });
    if (operation.kind === "teardown") shown.delete(operation.key);
  }

  function hear({ operation, error }: OperationResult) {
    const known = shown.get(operation.key);
    if (known && error) known.notBefore = Date.now() + toldToWait(error);
  }

  function read() {
    for (const known of [...shown.values()]) {
      const { operation, at, notBefore = 0 } = known;
      if (notBefore > Date.now()) continue;
      const wait = operation.context.isSeldom ? at + SPELL - Date.now() : 0;
      if (wait <= 0) ask(operation);
      else known.late ??= setTimeout(() => ask(operation), wait);
    }
  }

  const readAnew = () => void (timer ??= setTimeout(now, MOMENT));

  /** Of much nothing tells: whoever comes back to the page sees it as it is. */
  function back() {
    if (!document.hidden) readAnew();
  }

  const exchange: Exchange = ({ client, forward }) => {
    ask = (operation) => client.reexecuteOperation(makeOperation("query", operation, { ...operation.context, requestPolicy: "network-only" }));
    return (operations) => pipe(operations, tap(note), forward, tap(hear));
  };

  function now() {
    if (document.hidden) {
      document.addEventListener("visibilitychange", now, { once: true });
      return;
    }
    timer = undefined;
    read();
    tellAnew();
  }

  document.addEventListener("visibilitychange", back);
  window.addEventListener("focus", back);
  function stop() {
    document.removeEventListener("visibilitychange", back);
    window.removeEventListener("focus", back);
    clearTimeout(timer);
    for (const { late } of shown.values()) clearTimeout(late);
  }

  return { exchange, readAnew, stop };
}
