// The page that mails link to: /set-password#token=…
// The token stands in the fragment, which browsers send to nobody, and leaves the address bar at once.

const SHORTEST = 12;
const MUTATION = `mutation SetPassword($input: SetPasswordInput!) {
  setPassword(input: $input) {
    user { email }
    errors { code message path }
  }
}`;
const HEADING = "Set your password";
const NO_TOKEN =
  "This page is opened by the link in a mail from Canopy, and only once. Open the link in your mail again.";
const NO_ANSWER = "The server cannot be reached. Check your connection, then try again.";

const [form, title, told, password, again, show, send] =
  ["form", "title", "told", "password", "again", "show", "send"].map((id) => document.getElementById(id));
let token = null;
let isSending = false;

function begin() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  history.replaceState(null, "", location.pathname + location.search);
  if (found || !token) {
    token = found;
    head(HEADING);
    ask(token ? null : NO_TOKEN);
  }
}

/** Show the form, or say in its place why there is none. */
function ask(instead) {
  form.hidden = instead !== null;
  say(told, instead);
  if (!form.hidden) password.focus();
}

function head(heading) {
  title.textContent = heading;
  document.title = `${heading} – Canopy`;
}

function say(element, text) {
  element.textContent = text ?? "";
  element.hidden = !text;
}

function fault(field, text) {
  say(document.getElementById(`${field.id}-fault`), text);
  field.setAttribute("aria-invalid", String(Boolean(text)));
}

function faults(ofPassword, ofAgain, ofAll) {
  fault(password, ofPassword);
  fault(again, ofAgain);
  say(document.getElementById("fault"), ofAll);
  (ofPassword ? password : ofAgain ? again : null)?.focus();
}

function isGood() {
  const isShort = [...password.value].length < SHORTEST;
  const differs = password.value !== again.value;
  faults(
    isShort ? `A password has at least ${SHORTEST} characters.` : null,
    differs && !isShort ? "The two passwords differ." : null,
    null,
  );
  return !isShort && !differs;
}

async function answer() {
  const response = await fetch("graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ query: MUTATION, variables: { input: { token, password: password.value } } }),
  });
  return response.json();
}

function showAnswer({ data, errors }) {
  if (errors) return faults(null, null, errors.map((error) => error.message).join(" "));
  const refusals = data.setPassword.errors;
  if (refusals.length === 0) return succeed(data.setPassword.user);
  const isOf = (name) => (refusal) => refusal.path?.at(-1) === name;
  const words = (some) => some.map((refusal) => refusal.message).join(" ") || null;
  if (refusals.some(isOf("token"))) {
    token = null;
    return finish("This link does not work", `${words(refusals)} Ask for a new one where you sign in.`);
  }
  const ofPassword = refusals.filter(isOf("password"));
  faults(words(ofPassword), null, words(refusals.filter((refusal) => !ofPassword.includes(refusal))));
}

function succeed(user) {
  token = null;
  finish("Your password is set", user ? `You can now sign in as ${user.email}.` : "You can now sign in.");
}

function finish(heading, text) {
  form.reset();
  show.dispatchEvent(new Event("change"));
  head(heading);
  ask(text);
  title.focus();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (isSending || !isGood()) return;
  isSending = true;
  send.setAttribute("aria-disabled", "true");
  try {
    showAnswer(await answer());
  } catch {
    faults(null, null, NO_ANSWER);
  } finally {
    isSending = false;
    send.removeAttribute("aria-disabled");
  }
});

show.addEventListener("change", () => {
  for (const field of [password, again]) field.type = show.checked ? "text" : "password";
});

window.addEventListener("hashchange", begin);
begin();
