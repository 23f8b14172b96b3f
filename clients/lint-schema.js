// The schema, by the rules of @graphql-eslint (recommended, and Relay's) and of graphql-schema-linter (all).

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import plugin from "@graphql-eslint/eslint-plugin";
import { ESLint } from "eslint";

import exceptions from "./schema-exceptions.js";

const { runner } = createRequire(import.meta.url)("graphql-schema-linter");
const root = fileURLToPath(new URL("..", import.meta.url));
const schema = `${root}schema/schema.graphql`;
const rules = {
  ...plugin.configs["flat/schema-recommended"].rules,
  ...plugin.configs["flat/schema-relay"].rules,
};

async function problems(rules) {
  const eslint = new ESLint({
    cwd: root,
    overrideConfigFile: true,
    overrideConfig: {
      files: ["schema/*.graphql"],
      plugins: { "@graphql-eslint": plugin },
      languageOptions: { parser: plugin.parser, parserOptions: { graphQLConfig: { schema } } },
      rules,
    },
  });
  return (await eslint.lintFiles([schema])).flatMap((file) => file.messages);
}

const excepted = Object.entries(exceptions).map(([rule, { options }]) => [rule, ["error", options]]);
const found = await problems({ ...rules, ...Object.fromEntries(excepted) });
for (const { line, message, ruleId } of found) console.error(`schema/schema.graphql:${line} ${message} (${ruleId})`);

const without = new Set((await problems(rules)).map((problem) => problem.ruleId));
const stale = Object.keys(exceptions).filter((rule) => !without.has(rule));
for (const rule of stale) console.error(`clients/schema-exceptions.js: ${rule} needs no exception`);

const others = await runner.run(process.stdout, process.stdin, process.stderr, ["", "", schema]);
process.exitCode = found.length || stale.length || others ? 1 : 0;
