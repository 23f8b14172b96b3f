import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  html: { cspNonce: "{{nonce}}" },
  build: {
    outDir: "../app/dashboard",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    license: { fileName: "assets/licenses.md" },
  },
  server: { proxy: { "/graphql": { target: "http://127.0.0.1:8000", ws: true }, "/export": "http://127.0.0.1:8000" } },
});
