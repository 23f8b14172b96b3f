// Who is signed in, and for whom they act. In manage mode a second session lies on the first.
// Both are kept until the tab is closed, and nowhere else.

import { useSyncExternalStore } from "react";

import type { UserRole } from "../generated/graphql";

export interface Session {
  token: string;
  userId: string;
  name: string;
  email: string;
  role: UserRole;
  companyId: string;
  company: string;
  kind: string;
  isManaging: boolean;
}

interface State {
  sessions: Session[];
  /** The server no longer knows the uppermost one: its owner is asked to sign in again. */
  hasEnded: boolean;
}

const KEY = "canopy:dashboard";
const listeners = new Set<() => void>();
let state: State = { sessions: JSON.parse(sessionStorage.getItem(KEY) ?? "[]") as Session[], hasEnded: false };

function set(next: State) {
  state = next;
  sessionStorage.setItem(KEY, JSON.stringify(next.sessions));
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const current = () => state.sessions.at(-1);
export const isCurrent = (asker?: Session) => current()?.userId === asker?.userId && current()?.companyId === asker?.companyId;
/** The uppermost is the last. */
export const both = () => [...state.sessions];
/** To count what is beneath a distributor, at every change of any of it, would cost too much. */
export const hearsBeneath = (session?: Session) => session?.kind === "PARTNER";
export const outer = () => state.sessions.at(0);
export const useSession = () => useSyncExternalStore(subscribe, current);
export const useHasEnded = () => useSyncExternalStore(subscribe, () => state.hasEnded);

/** Whose it is was told a moment ago. */
let fresh: string | undefined;
export const isFresh = () => current()?.token === fresh;

export function begin(...sessions: Session[]) {
  fresh = sessions.at(-1)?.token;
  set({ sessions, hasEnded: false });
}
export const enter = (session: Session) => begin(...state.sessions.slice(0, 1), session);
export const leave = () => set({ sessions: state.sessions.slice(0, -1), hasEnded: false });
export const forget = () => set({ sessions: [], hasEnded: false });
/** The same person acts for the same company, as both are by now. */
export function know(told: Session) {
  if (!isCurrent(told) || JSON.stringify(told) === JSON.stringify(current())) return;
  set({ ...state, sessions: [...state.sessions.slice(0, -1), told] });
}
export function end() {
  if (current() && !state.hasEnded) set({ ...state, hasEnded: true });
}

/** Waits while somebody is asked to sign in again. */
export const lasting = () => new Promise<void>((resolve) => {
  if (!state.hasEnded) {
    resolve();
    return;
  }
  const leave = subscribe(() => {
    if (state.hasEnded) return;
    leave();
    resolve();
  });
});
