// Signing in and out, and in and out of a company that is managed.

import { graphql } from "./graphql";
import type { UserRole } from "../generated/graphql";
import { explained, tellOnce, uncached } from "./asking";
import { begin, current, enter, forget, leave, outer, type Session } from "./session";

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
const VIEWER = graphql(`query Viewer { viewer { user { id } } }`);

interface Viewer {
  user: { id: string; name: string; email: string; role: UserRole };
  company: { id: string; name: string; kind: string };
  manageSession?: { id: string } | null;
}

const sessionOf = (token: string, { user, company, manageSession }: Viewer): Session => ({
  token,
  userId: user.id,
  name: user.name || user.email,
  email: user.email,
  role: user.role,
  companyId: company.id,
  company: company.name,
  kind: company.kind,
  isManaging: Boolean(manageSession),
});

type Answer = { accessToken?: string | null; viewer?: Viewer | null; errors: { message: string }[] };

function opened({ accessToken, viewer, errors }: Answer): Session {
  if (!accessToken || !viewer) throw new Error(errors.map(({ message }) => message).join(" "));
  return sessionOf(accessToken, viewer);
}

async function signedIn(email: string, password: string): Promise<Session> {
  return opened((await tellOnce(SIGN_IN, { input: { email, password } })).signIn);
}

/** Raises an Error in words for a person; so do the others. */
export async function signIn(email: string, password: string) {
  begin(await signedIn(email, password));
}

/** Whether the server was told that the uppermost session ends; a while is waited for it. */
async function toldEnd(): Promise<boolean> {
  const asked = uncached.mutation(current()?.isManaging ? EXIT : SIGN_OUT, {}).toPromise();
  const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), LONGEST));
  return Promise.race([asked.then(({ error }) => !error?.networkError), late]);
}

/** Ends all in this browser, with or without a connection. Answers whether the server was told. */
export async function signOut(): Promise<boolean> {
  let isTold = true;
  while (current() && isTold) {
    isTold = await toldEnd();
    leave();
  }
  forget();
  return isTold;
}

export async function manage(companyId: string) {
  enter(opened((await tellOnce(ENTER, { input: { companyId } })).enterManageMode));
}

export async function exitManageMode() {
  const { error } = await uncached.mutation(EXIT, {}).toPromise();
  if (error?.networkError) throw new Error(explained(error));
  leave();
}

/** Goes on where the session ran out: as the same person, for the same company. */
export async function resume(password: string) {
  const lost = current();
  if (!lost) return;
  const session = await signedIn(lost.email, password);
  if (!lost.isManaging) {
    begin(session);
    return;
  }
  const { data, error } = await uncached
    .mutation(ENTER, { input: { companyId: lost.companyId } }, { fetchOptions: { headers: { authorization: `Bearer ${session.token}` } } })
    .toPromise();
  if (!data) throw new Error(error ? explained(error) : "");
  begin(session, opened(data.enterManageMode));
}

/** An hour of manage mode is over, or it was ended: is the session beneath still there? */
export async function isOuterAlive(): Promise<boolean> {
  const session = outer();
  if (!session || !current()?.isManaging) return false;
  const headers = { authorization: `Bearer ${session.token}` };
  const { data } = await uncached.query(VIEWER, {}, { fetchOptions: { headers } }).toPromise();
  return Boolean(data?.viewer);
}
