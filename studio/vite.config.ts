import react from "@vitejs/plugin-react";
import { defineConfig, loadEnv } from "vite";

// Where `npm run dev` sends the calls that only the Runyard server can answer.
const server = loadEnv("development", ".", "RUNYARD_").RUNYARD_URL ?? "http://127.0.0.1:5000";
// Below any address of a workspace.
const calls =
  "^(/workspaces/[^/]+|/mlflow/v[12]\\.0/subscriptions/.+/workspaces/[^/]+)?/(api|ajax-api|get-artifact|health|healthz|readyz|metrics)";

export default defineConfig({
  plugins: [react()],
  // Relative addresses: one build works below `/`, `/workspaces/x/` and the long Azure prefix.
  base: "./",
  build: {
    outDir: "../src/runyard/server/studio",
    assetsDir: "studio",
    emptyOutDir: true,
    // A data: address would be one more source to allow in the Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: {
    proxy: {
      // The server takes writes from its own pages only; in development this page stands for one of them.
      [calls]: { target: server, changeOrigin: true, headers: { origin: server } },
    },
  },
});
