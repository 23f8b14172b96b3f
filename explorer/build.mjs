// Builds the explorer into app/explorer: index.html, and files whose names say what is in them.

import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const TARGET = here("../app/explorer");
const UNFINISHED = here("build");
const ASSETS = `${UNFINISHED}/assets`;
const WORKERS = {
  JSON_WORKER: "monaco-editor/esm/vs/language/json/json.worker.js",
  GRAPHQL_WORKER: "monaco-graphql/esm/graphql.worker.js",
  EDITOR_WORKER: "monaco-editor/esm/vs/editor/editor.worker.js",
};
const ALIKE = {
  absWorkingDir: here("."),
  bundle: true,
  define: { "process.env.NODE_ENV": '"production"' },
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  legalComments: "linked",
  logLevel: "warning",
  metafile: true,
  minify: true,
  outdir: ASSETS,
  target: ["chrome110", "firefox115", "safari16.4"],
};

/** The names of the files made of the entry points, by the entry point. */
async function bundle(entryPoints, options) {
  const { metafile } = await build({ ...ALIKE, ...options, entryPoints });
  const made = Object.entries(metafile.outputs).filter(([, { entryPoint }]) => entryPoint);
  return Object.fromEntries(made.map(([path, output]) => [output.entryPoint, { path, ...output }]));
}

await rm(UNFINISHED, { recursive: true, force: true });
await mkdir(ASSETS, { recursive: true });

const workers = await bundle(
  Object.values(WORKERS).map((path) => `node_modules/${path}`),
  { format: "iife" },
);
const names = Object.entries(WORKERS).map(([name, path]) => {
  return [name, JSON.stringify(basename(workers[`node_modules/${path}`].path))];
});
const { "source/main.jsx": main } = await bundle(["source/main.jsx"], {
  define: { ...ALIKE.define, ...Object.fromEntries(names) },
  format: "esm",
  jsx: "automatic",
  loader: { ".graphql": "text", ".ttf": "file" },
  splitting: true,
});

const page = (await readFile(here("source/index.html"), "utf8"))
  .replace("{{script}}", basename(main.path))
  .replace("{{style}}", basename(main.cssBundle));
await writeFile(`${UNFINISHED}/index.html`, page);
await rm(TARGET, { recursive: true, force: true });
await mkdir(here("../app"), { recursive: true });
await rename(UNFINISHED, TARGET);
