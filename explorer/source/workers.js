// Monaco asks for its workers by name; the build says which files they are in.

const FILES = { json: JSON_WORKER, graphql: GRAPHQL_WORKER };

globalThis.MonacoEnvironment = {
  getWorker: (_, label) => new Worker(new URL(FILES[label] ?? EDITOR_WORKER, import.meta.url)),
};
