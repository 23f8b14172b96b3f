import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** What nothing but forms in dialogs need comes with the first of these. */
const FORMS = /@mantine.form|Fieldset|NumberInput|react-number-format|SaveModal/;

export default defineConfig({
  plugins: [react()],
  html: { cspNonce: "{{nonce}}" },
  build: {
    outDir: "../app/dashboard",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    // What most pages share is one file: many small ones are a tenth larger, when they are compressed.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "common", minShareCount: 7, test: (id) => !FORMS.test(id) }] } } },
    license: { fileName: "assets/licenses.md" },
  },
  server: { proxy: { "/graphql": { target: "http://127.0.0.1:8000", ws: true }, "/export": "http://127.0.0.1:8000" } },
});
