// Signing in and out, and in and out of a company that is managed.

import { graphql } from "./graphql";
import type { UserRole } from "../generated/graphql";
import { explained, tellOnce, uncached, UNREACHED } from "./asking";
import { begin, both, current, enter, forget, know, leave, outer, type Session } from "./session";
import { said } from "./words";

const SIGN_IN = graphql(`
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) {
      accessToken
      viewer { user { id name email role } company { id name kind } manageSession { id } }
      errors { code message path }
    }
  }
`);
const SIGN_OUT = graphql(`mutation SignOut { signOut { errors { code message path } } }`);
const ENTER = graphql(`
  mutation EnterManageMode($input: EnterManageModeInput!) {
    enterManageMode(input: $input) {
      accessToken
      viewer { user { id name email role } company { id name kind } manageSession { id } }
      errors { code message path }
    }
  }
`);
const EXIT = graphql(`mutation ExitManageMode { exitManageMode { errors { code message path } } }`);
/** Milliseconds. */
const LONGEST = 5_000;
export const VIEWER = graphql(`
  query Viewer { viewer { user { id name email role } company { id name kind } manageSession { id } } }
`);

interface Viewer {
  user: { id: string; name: string; email: string; role: UserRole };
  company: { id: string; name: string; kind: string };
  manageSession?: { id: string } | null;
}

const sessionOf = (token: string, { user, company, manageSession }: Viewer): Session => ({
  token,
  userId: user.id,
  name: user.name,
  email: user.email,
  role: user.role,
  companyId: company.id,
  company: company.name,
  kind: company.kind,
  isManaging: Boolean(manageSession),
});

/** Names and roles change while somebody is signed in. */
export function meet(viewer: Viewer) {
  const session = current();
  if (session) know(sessionOf(session.token, viewer));
}

type Answer = { accessToken?: string | null; viewer?: Viewer | null; errors: { message: string }[] };

function opened({ accessToken, viewer, errors }: Answer): Session {
  if (!accessToken || !viewer) throw new Error(errors.map(({ message }) => said(message)).join(" "));
  return sessionOf(accessToken, viewer);
}

async function signedIn(email: string, password: string): Promise<Session> {
  return opened((await tellOnce(SIGN_IN, { input: { email, password } })).signIn);
}

/** Raises an Error in words for a person; so do the others. */
export async function signIn(email: string, password: string) {
  begin(await signedIn(email, password));
}

/** To be asked with, whoever is signed in by then; and told even if the page is closed at once. */
const as = ({ token }: Session) => ({ fetchOptions: { headers: { authorization: `Bearer ${token}` }, keepalive: true } });
const isStill = (asker?: Session) => current()?.token === asker?.token;

/** Whether the server was told within a while that a session ends. */
async function toldEnd(session: Session): Promise<boolean> {
  const asked = uncached.mutation(session.isManaging ? EXIT : SIGN_OUT, {}, as(session)).toPromise();
  const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), LONGEST));
  return Promise.race([asked.then(({ error }) => !error?.networkError), late]);
}

/** Ends all in this browser at once, with or without a connection. Answers whether the server was told. */
export async function signOut(): Promise<boolean> {
  const ending = both();
  forget();
  for (const session of ending.reverse()) {
    if (!(await toldEnd(session))) return false;
  }
  return true;
}

/** Answers whether it was entered: not when whoever asked is somebody else by then, or no longer waits for it. */
export async function manage(companyId: string, isWaiting: () => boolean): Promise<boolean> {
  const asker = current();
  const session = opened((await tellOnce(ENTER, { input: { companyId } })).enterManageMode);
  if (!isStill(asker) || !isWaiting()) {
    await toldEnd(session);
    return false;
  }
  enter(session);
  return true;
}

/** An answer that comes after somebody has left otherwise changes nothing. */
export async function exitManageMode() {
  const leaving = current();
  if (!leaving) return;
  if (!(await toldEnd(leaving))) throw new Error(UNREACHED);
  if (isStill(leaving)) leave();
}

/** Goes on where the session ran out: as the same person, for the same company. */
export async function resume(password: string) {
  const lost = current();
  if (!lost) return;
  const session = await signedIn(lost.email, password);
  if (!isStill(lost)) return void toldEnd(session);
  if (!lost.isManaging) {
    begin(session);
    return;
  }
  const { data, error } = await uncached.mutation(ENTER, { input: { companyId: lost.companyId } }, as(session)).toPromise();
  if (!isStill(lost)) return void toldEnd(session);
  if (!data) throw new Error(error ? explained(error) : "");
  begin(session, opened(data.enterManageMode));
}

/** An hour of manage mode is over, or it was ended: is the session beneath still there? */
export async function isOuterAlive(): Promise<boolean> {
  const session = outer();
  if (!session || !current()?.isManaging) return false;
  const { data } = await uncached.query(VIEWER, {}, as(session)).toPromise();
  return Boolean(data?.viewer);
}
