// Saving: nothing is done twice, whatever happens to the connection, the page or the mouse.

import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { useDebouncedValue } from "@mantine/hooks";
import { getOperationName } from "@urql/core";
import { useEffect, useRef, useState } from "react";
import { useClient } from "urql";

import { onAnew, tellAnew } from "./anew";
import { backOff, explained, isTooBusy, tellLasting, type Unanswered } from "./asking";
import { current, isCurrent } from "./session";
import { said } from "./words";

export interface Refusal {
  code: string;
  message: string;
  path?: string[] | null;
}
export interface Payload {
  errors: Refusal[];
  /** The same was sent before, and not answered: it may have been done then. */
  isAgain?: boolean;
}
export type Answer<Data> = Extract<Data[keyof Data], { errors: Refusal[] }> & Pick<Payload, "isAgain">;
export type Saving<Data, Input> = TypedDocumentNode<Data, { input: Input }>;

/** Milliseconds. */
const AGAIN_AFTER = [500, 2_000];
const PAUSE = 250;
/** How often a wait gets longer where somebody waits for it. */
const SOON = 2;
export const MOST = 2_147_483_647;
const STORE = "canopy:unanswered";
/** Characters of what is remembered over a reload: a file is not, and taking it in again changes nothing. */
const LONGEST = 5_000;

/** The idempotency keys of what was sent and not answered yet, by what it was: sent again, it is the same. */
const keys = new Map(JSON.parse(sessionStorage.getItem(STORE) ?? "[]") as [string, string][]);

function remember() {
  sessionStorage.setItem(STORE, JSON.stringify([...keys].filter(([sent]) => sent.length < LONGEST)));
}

function keyOf(sent: string): string {
  const key = keys.get(sent) ?? newKey();
  keys.set(sent, key);
  remember();
  return key;
}

/** Somebody's, for some company: the same again is done once. */
function asSent<Data, Input>(document: Saving<Data, Input>, input: Input): string {
  const session = current();
  return [session?.userId, session?.companyId, getOperationName(document), JSON.stringify(input)].join(" ");
}

function answered(sent: string) {
  keys.delete(sent);
  remember();
}

function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** And not answered. */
const isSent = <Data, Input>(document: Saving<Data, Input>, input: Input) => keys.has(asSent(document, input));

const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

/** The only field of an answer. */
function only<Data>(data: Data): Answer<Data> {
  return Object.values(data as object).find((value) => typeof value === "object") as Answer<Data>;
}

const refused = <Data>(code: string, message: string) => ({ errors: [{ code, message }] }) as Payload as Answer<Data>;

/** It could not be asked, or whether it was heard is not known. */
const UNANSWERED = "UNANSWERED";
export const isUnanswered = ({ errors }: Payload) => errors.some(({ code }) => code === UNANSWERED);

/** Whether what began something is still on the page when it ends. */
export function useIsHere() {
  const isHere = useRef(true);
  useEffect(() => {
    isHere.current = true;
    return () => {
      isHere.current = false;
    };
  }, []);
  return () => isHere.current;
}

/** What a field for a number holds, as the API takes it: none is 0, which it refuses at the field, as it does -1. */
export const whole = (value: number | string) => Math.max(-1, Math.min(Math.trunc(Number(value)) || 0, MOST));

/**
 * Sends a mutation once. The same input sent again has the same idempotency key, until it was answered:
 * after a lost connection it is tried again by itself. What takes no key changes nothing when it comes twice.
 * Answers undefined while the first still runs.
 */
export function useSave<Data, Input extends object>(document: Saving<Data, Input>, isKeyed = true) {
  const client = useClient();
  const isRunning = useRef(false);
  const [isSaving, setSaving] = useState(false);

  async function send(input: Input): Promise<Answer<Data>> {
    const session = current();
    const sent = asSent(document, input);
    const isAgain = isKeyed && keys.has(sent);
    const told = isKeyed ? { ...input, idempotencyKey: keyOf(sent) } : input;
    for (let tries = 0; ; tries++) {
      const { data, error } = await client.mutation(document, { input: told }).toPromise();
      const wait = AGAIN_AFTER[tries];
      if (error && !isCurrent(session)) return refused(UNANSWERED, `${JSON.stringify(session?.company)} was left before this was answered. Look there whether it was done.`);
      if (error?.networkError && wait !== undefined) {
        await pause(wait);
        continue;
      }
      if (error?.networkError) return refused(UNANSWERED, `${explained(error)} Whether it was done is not known; the same again does nothing twice.`);
      if (error && isTooBusy(error) && !isAgain && tries === 0) answered(sent);
      if (error) return refused("FAILED", explained(error));
      answered(sent);
      return { ...only(data as Data), isAgain };
    }
  }

  /** What keeps from doing it: something else would happen by now than was `shown`, which is then asked anew. */
  async function otherwise(input: Input, shown: Answer<Data>): Promise<Answer<Data> | undefined> {
    const now = await preview(document, input);
    if (isUnanswered(now)) return now;
    if (isAlike(now, shown)) return undefined;
    tellAnew();
    return refused("OTHERWISE", "It is otherwise by now: look again.");
  }

  /** Where it is told what was shown that would happen, nothing else is done. What was sent before is, whatever it did then. */
  async function save(input: Input, shown?: Answer<Data>): Promise<Answer<Data> | undefined> {
    if (isRunning.current) return undefined;
    isRunning.current = true;
    setSaving(true);
    try {
      return (shown && !isSent(document, input) && (await otherwise(input, shown))) || (await send(input));
    } finally {
      isRunning.current = false;
      setSaving(false);
    }
  }

  return { save, isSaving };
}

/** What would happen. It stays out of the cache. Where it could not be asked, `wait` says for how long not to ask again. */
export async function preview<Data, Input extends object>(document: Saving<Data, Input>, input: Input): Promise<Answer<Data> & { wait?: number }> {
  try {
    return only((await tellLasting(document, { input: { ...input, preview: true } })) as Data);
  } catch (error) {
    const { message, wait } = error as Unanswered;
    return { ...refused<Data>(UNANSWERED, `What would happen, and who would be mailed, is not known. ${message}`), wait };
  }
}

const isAlike = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

/** What stands at a place of an input, such as `manager.email`. */
const at = (input: unknown, path: string[]) => path.reduce<unknown>((part, step) => (part as Record<string, unknown> | undefined)?.[step], input);

/** Whether this will be refused as that was: an address that is taken, there as here. Who asks too often is told nothing more. */
const isTakenStill = ({ errors }: Payload, before: unknown, now: unknown) =>
  errors.some(({ code, path }) => code === "DUPLICATE" && path && at(before, path.slice(1)) === at(now, path.slice(1)));

/** What was sent, and maybe done, is refused because of itself: sent again it is done once, and told then. */
const forgiven = <Data, Input>(document: Saving<Data, Input>, input: Input, answer: Answer<Data>) =>
  answer.errors.length > 0 && !isUnanswered(answer) && isSent(document, input) ? ({ errors: [], isAgain: true } as Payload as Answer<Data>) : answer;

/**
 * What would happen with this input; undefined until it is known. Asks nothing without one, nor while it is being typed.
 * What was answered before is asked again when something has told that it may be otherwise by now, and is shown until then;
 * what could not be asked is asked again, too, after the time that the server named.
 */
export function useWould<Data, Input extends object>(document: Saving<Data, Input>, input: Input | null) {
  const [known, setKnown] = useState<{ text: string; answer: Answer<Data> }>();
  const answers = useRef(new Map<string, Answer<Data>>());
  const text = JSON.stringify(input);
  const [wanted] = useDebouncedValue(text, PAUSE);

  useEffect(() => {
    const sent = JSON.parse(wanted) as Input | null;
    if (!sent) return;
    let isWanted = true;
    let isAsking = false;
    let isOld = false;
    let timer: number | undefined;
    const before = () => [...answers.current].find(([text, answer]) => text === wanted || isTakenStill(answer, JSON.parse(text), sent))?.[1];
    function show(told: Answer<Data>) {
      const answer = forgiven(document, sent as Input, told);
      setKnown((known) => (known?.text === wanted && isAlike(known.answer, answer) ? known : { text: wanted, answer }));
    }
    async function ask(input: Input, tries = 0) {
      isAsking = true;
      isOld = false;
      const answer = await preview(document, input);
      isAsking = false;
      if (!isWanted) return;
      show(answer);
      if (isUnanswered(answer)) {
        timer = window.setTimeout(() => {
          timer = undefined;
          void ask(input, tries + 1);
        }, (answer.wait ?? 0) + backOff(tries, SOON));
      } else {
        answers.current.set(wanted, answer);
        if (isOld) anew();
      }
    }
    /** But an address that is taken is: to ask for it often is refused. What is not answered yet is asked once more after that. */
    function anew() {
      for (const [text, answer] of answers.current) {
        if (!answer.errors.some(({ code }) => code === "DUPLICATE")) answers.current.delete(text);
      }
      isOld = isAsking;
      if (sent && !isAsking && !timer && !before()) void ask(sent);
    }
    const last = before();
    if (last) show(last);
    else void ask(sent);
    const leave = onAnew(anew);
    return () => {
      isWanted = false;
      leave();
      window.clearTimeout(timer);
    };
  }, [document, wanted]);

  return known?.text === text ? known.answer : undefined;
}

/** Refusals by the field of the form that they are about, and those that are about none; who is one of many is named. */
export function placed(errors: Refusal[], fields: string[], names: Record<string, string> = {}) {
  const byField: Record<string, string> = {};
  const rest: string[] = [];
  for (const { message, path } of errors) {
    const place = path?.slice(1).join(".") ?? "";
    const field = fields.find((name) => name === place);
    if (field) byField[field] = said(message);
    else rest.push(names[place] ? `${names[place]}: ${said(message)}` : said(message));
  }
  return { byField, rest };
}
