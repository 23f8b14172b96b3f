// A client in TypeScript: `graphql` knows from the schema what each document takes and gives.

import assert from "node:assert/strict";

import { graphql } from "./generated/gql.js";
import type { ExpiringQuery, TypedDocumentString } from "./generated/graphql.js";

const { CANOPY_ADDRESS, CANOPY_EMAIL = "", CANOPY_PASSWORD = "" } = process.env;

const SIGN_IN = graphql(`
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) { accessToken errors { code message } }
  }
`);
const EXPIRING = graphql(`
  query Expiring($days: Int!, $after: String) {
    licenses(first: 5, after: $after, filter: { expiresWithinDays: $days }) {
      edges { node { id status expiresAt company { name } user { email } } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

async function ask<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
  token?: string,
): Promise<Result> {
  const response = await fetch(`${CANOPY_ADDRESS}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query: document, variables }),
  });
  const { data, errors } = (await response.json()) as { data: Result; errors?: { message: string }[] };
  if (errors) throw new Error(errors.map((error) => error.message).join(" "));
  return data;
}

const { signIn } = await ask(SIGN_IN, { input: { email: CANOPY_EMAIL, password: CANOPY_PASSWORD } });
assert.deepEqual(signIn.errors, []);
assert.ok(signIn.accessToken);

const expiring: string[] = [];
let after: string | null | undefined = null;
do {
  const { licenses }: ExpiringQuery = await ask(EXPIRING, { days: 30, after }, signIn.accessToken);
  for (const { node } of licenses.edges) expiring.push(`${node.company.name} ${node.expiresAt}`);
  after = licenses.pageInfo.hasNextPage ? licenses.pageInfo.endCursor : null;
} while (after);
assert.ok(expiring.length > 5);
