// Where the server is, and a token for it: what every client here begins with.

import assert from "node:assert/strict";

export const ENDPOINT = `${process.env.CANOPY_ADDRESS}/graphql`;
const { CANOPY_EMAIL: email, CANOPY_PASSWORD: password } = process.env;
const SIGN_IN = `mutation ($email: String!, $password: String!) {
  signIn(input: {email: $email, password: $password}) { accessToken errors { message } }
}`;

export async function signIn() {
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: SIGN_IN, variables: { email, password } }),
  });
  const { data } = await response.json();
  assert.deepEqual(data.signIn.errors, []);
  return data.signIn.accessToken;
}
