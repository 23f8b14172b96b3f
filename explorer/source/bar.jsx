import { useState, useSyncExternalStore } from "react";

import { current, leave, signIn, subscribe } from "./session.js";

/** Who is signed in, or the form to do so. */
export function Bar() {
  const session = useSyncExternalStore(subscribe, current);
  return (
    <header className="bar">
      <h1>Canopy</h1>
      {session ? <SignedIn session={session} /> : <SignIn />}
    </header>
  );
}

function SignedIn({ session }) {
  return (
    <div className="who">
      <p>
        <strong>{session.name}</strong> {session.isManaging ? "manages" : "of"} <strong>{session.company}</strong>
      </p>
      <button onClick={() => leave().catch(console.warn)}>{session.isManaging ? "Exit manage mode" : "Sign out"}</button>
    </div>
  );
}

function SignIn() {
  const [fault, setFault] = useState(null);
  const [isSending, setIsSending] = useState(false);

  async function send(event) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setIsSending(true);
    try {
      setFault(await signIn(form.get("email"), form.get("password")));
    } catch (error) {
      setFault(error.message);
    } finally {
      setIsSending(false);
    }
  }

  return (
    <form className="who" onSubmit={send}>
      <p role="alert">{fault}</p>
      <input name="email" type="text" inputMode="email" autoComplete="username" autoCapitalize="off" required
        placeholder="Email" aria-label="Email" />
      <input name="password" type="password" autoComplete="current-password" required
        placeholder="Password" aria-label="Password" />
      <button disabled={isSending}>Sign in</button>
    </form>
  );
}
