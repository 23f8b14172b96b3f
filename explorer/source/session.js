// Who is signed in, as whom this page asks. In manage mode a second token lies on the first.
// Both are kept until the tab is closed, and nowhere else.

import { ask } from "./api.js";

const KEY = "canopy:sessions";
const SIGN_IN = `mutation SignIn($email: String!, $password: String!) {
  signIn(input: {email: $email, password: $password}) { accessToken errors { message } }
}`;
const SIGN_OUT = "mutation { signOut { errors { message } } }";
const EXIT = "mutation { exitManageMode { errors { message } } }";
const VIEWER = "{ viewer { user { name email } company { name } manageSession { id } } }";
const ENDS = /\b(exitManageMode|signOut)\b/;

let sessions = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
const listeners = new Set();

/** The session that is asked with: {token, name, company, isManaging}; undefined when signed out. */
export const current = () => sessions.at(-1);

export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Null, or why not. */
export async function signIn(email, password) {
  const { data, errors } = await ask({ query: SIGN_IN, variables: { email, password } });
  const refusals = errors ?? data.signIn.errors;
  if (refusals.length > 0) return refusals.map((refusal) => refusal.message).join(" ");
  await enter(data.signIn.accessToken);
  return null;
}

export async function leave() {
  const { token, isManaging } = current();
  await ask({ query: isManaging ? EXIT : SIGN_OUT }, token);
  await refresh();
}

/** Follow what was done in the editor: signing in and out, entering and exiting manage mode. */
export async function follow(query, answer) {
  const payloads = Object.values(answer.data ?? {});
  const token = payloads.find((payload) => payload?.accessToken)?.accessToken;
  if (token) await enter(token);
  if (ENDS.test(query)) await refresh();
}

/** Forget the sessions that have ended. */
export async function refresh() {
  while (current() && !(await viewerOf(current().token))) keep(sessions.slice(0, -1));
}

async function enter(token) {
  const viewer = await viewerOf(token);
  if (!viewer) return;
  const isManaging = viewer.manageSession !== null;
  const { name, email } = viewer.user;
  const session = { token, name: name || email, company: viewer.company.name, isManaging };
  keep(isManaging ? [...sessions.filter((other) => !other.isManaging), session] : [session]);
}

async function viewerOf(token) {
  return (await ask({ query: VIEWER }, token)).data?.viewer ?? null;
}

function keep(kept) {
  sessions = kept;
  sessionStorage.setItem(KEY, JSON.stringify(sessions));
  for (const listener of listeners) listener();
}
