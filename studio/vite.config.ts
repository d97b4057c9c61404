import react from "@vitejs/plugin-react";
import { defineConfig, loadEnv } from "vite";

// Where `npm run dev` sends the calls that only the Runyard server can answer.
const server = loadEnv("development", ".", "RUNYARD_").RUNYARD_URL ?? "http://127.0.0.1:5000";
const below = (path: string) => [path, { target: server, changeOrigin: true }] as const;

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
    proxy: Object.fromEntries(["/api", "/ajax-api", "/get-artifact", "/health"].map(below)),
  },
});
