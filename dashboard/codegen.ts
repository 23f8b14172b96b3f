import type { CodegenConfig } from "@graphql-codegen/cli";

export default {
  schema: "../schema/schema.graphql",
  documents: ["source/**/*.{ts,tsx}"],
  generates: {
    "generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: { enumsAsTypes: true, useTypeImports: true, scalars: { DateTime: "string", ID: "string" } },
    },
  },
} satisfies CodegenConfig;
