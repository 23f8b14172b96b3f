// Saving: nothing is done twice, whatever happens to the connection or the mouse.

import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { useRef, useState } from "react";
import { useClient } from "urql";

import { explained, tellOnce } from "./asking";

export interface Refusal {
  code: string;
  message: string;
  path?: string[] | null;
}
export interface Payload {
  errors: Refusal[];
}
type Answer<Data> = Data[keyof Data] & Payload;
type Saving<Data, Input> = TypedDocumentNode<Data, { input: Input }>;

/** Milliseconds. */
const AGAIN_AFTER = [500, 2_000];

const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The only field of an answer. */
function only<Data>(data: Data): Answer<Data> {
  return Object.values(data as object).find((value) => typeof value === "object") as Answer<Data>;
}

const refused = (message: string): Payload => ({ errors: [{ code: "FAILED", message }] });

/**
 * Sends a mutation once. The same input sent again has the same idempotency key, until it was answered:
 * after a lost connection it is tried again by itself. Answers undefined while the first still runs.
 */
export function useSave<Data, Input extends object>(document: Saving<Data, Input>, isKeyed = true) {
  const client = useClient();
  const attempt = useRef<{ text: string; key: string }>(undefined);
  const isRunning = useRef(false);
  const [isSaving, setSaving] = useState(false);

  async function send(input: Input): Promise<Answer<Data>> {
    const text = JSON.stringify(input);
    if (attempt.current?.text !== text) attempt.current = { text, key: newKey() };
    const sent = isKeyed ? { ...input, idempotencyKey: attempt.current.key } : input;
    for (let tries = 0; ; tries++) {
      const { data, error } = await client.mutation(document, { input: sent }).toPromise();
      const wait = AGAIN_AFTER[tries];
      if (error?.networkError && isKeyed && wait !== undefined) {
        await pause(wait);
        continue;
      }
      if (error) return refused(explained(error)) as Answer<Data>;
      attempt.current = undefined;
      return only(data as Data);
    }
  }

  async function save(input: Input): Promise<Answer<Data> | undefined> {
    if (isRunning.current) return undefined;
    isRunning.current = true;
    setSaving(true);
    try {
      return await send(input);
    } finally {
      isRunning.current = false;
      setSaving(false);
    }
  }

  return { save, isSaving };
}

/** What would happen. It stays out of the cache. */
export async function preview<Data, Input extends object>(document: Saving<Data, Input>, input: Input): Promise<Answer<Data>> {
  try {
    return only((await tellOnce(document, { input: { ...input, preview: true } })) as Data);
  } catch (error) {
    return refused((error as Error).message) as Answer<Data>;
  }
}

/** Refusals by the field of the form that they are about, and those that are about none. */
export function placed(errors: Refusal[], fields: string[]) {
  const byField: Record<string, string> = {};
  const rest: string[] = [];
  for (const { message, path } of errors) {
    const place = path?.slice(1).join(".") ?? "";
    const field = fields.find((name) => name === place);
    if (field) byField[field] = message;
    else rest.push(message);
  }
  return { byField, rest };
}
