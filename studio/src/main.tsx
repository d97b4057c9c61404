import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Refused } from "./api/transport.ts";
import { App } from "./app/App.tsx";
import { startTheme } from "./app/theme.ts";
import "uplot/dist/uPlot.min.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/shell.css";
import "./styles/runs.css";
import "./styles/charts.css";
import "./styles/run.css";
import "./styles/admin.css";
import "./styles/data.css";
import "./styles/log.css";
import "./styles/jobs.css";
import "./styles/sweeps.css";
import "./styles/submit.css";
import "./styles/traces.css";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // The server is often on this very machine: whether there is a network says nothing.
      networkMode: "always",
      // A refusal stays a refusal; a server that is gone is asked again by the stale banner.
      retry: (count, error) => !(error instanceof Refused) && count < 1,
      staleTime: 1000,
    },
    mutations: { networkMode: "always", retry: false },
  },
});

startTheme();
const root = document.getElementById("studio");
if (root === null) throw new Error("index.html has no #studio");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
