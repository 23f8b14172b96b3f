// What is shown is read anew, quietly, when something has told that it may be otherwise by now.

import { type Exchange, makeOperation, type Operation } from "@urql/core";
import { pipe, tap } from "wonka";

/** Milliseconds: all that is told within them is one reason to read. */
const MOMENT = 500;

/** `readAnew` has the queries that are shown asked again in a moment, or once the page is looked at. */
export function readingAnew() {
  const shown = new Map<number, Operation>();
  let read = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;

  function note(operation: Operation) {
    if (operation.kind === "query") shown.set(operation.key, operation);
    if (operation.kind === "teardown") shown.delete(operation.key);
  }

  const readAnew = () => void (timer ??= setTimeout(now, MOMENT));

  /** Of much nothing tells: whoever comes back to the page sees it as it is. */
  function back() {
    if (!document.hidden) readAnew();
  }

  const exchange: Exchange = ({ client, forward }) => {
    read = () => {
      for (const operation of [...shown.values()]) {
        client.reexecuteOperation(makeOperation("query", operation, { ...operation.context, requestPolicy: "network-only" }));
      }
    };
    return (operations) => forward(pipe(operations, tap(note)));
  };

  function now() {
    if (document.hidden) {
      document.addEventListener("visibilitychange", now, { once: true });
      return;
    }
    timer = undefined;
    read();
  }

  document.addEventListener("visibilitychange", back);
  window.addEventListener("focus", back);
  function stop() {
    document.removeEventListener("visibilitychange", back);
    window.removeEventListener("focus", back);
    clearTimeout(timer);
  }

  return { exchange, readAnew, stop };
}
