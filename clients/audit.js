// GraphQL over HTTP, by the audits that come with graphql-http.

import assert from "node:assert/strict";
import { serverAudits } from "graphql-http";

import { ENDPOINT } from "./session.js";

const audits = serverAudits({ url: ENDPOINT, fetchFn: fetch });
const results = await Promise.all(audits.map((audit) => audit.fn()));
const failed = results.filter((result) => result.status !== "ok");

for (const { id, name, status, reason } of failed) console.error(`${id} ${status}: ${name}: ${reason}`);
console.log(`${results.length - failed.length} of ${results.length} audits are fine`);
assert.equal(results.length, 61);
assert.equal(failed.length, 0);
