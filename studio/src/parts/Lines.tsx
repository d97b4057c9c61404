import { serverRoot, workspaceName } from "../api/address.ts";
import type { Address } from "./opening.ts";
import { Snippet } from "./Snippet.tsx";

export const addressOnScreen = (): Address => ({
  server: (window.location.origin + serverRoot()).replace(/\/$/, ""),
  workspace: workspaceName(),
});

/** The lines that do in Python and in a shell what the page does. */
export function Lines({ python, shell }: { python: string; shell: string }) {
  return (
    <section className="card" aria-label="From code">
      <header>
        <h2>From code</h2>
      </header>
      <div className="card-note stack">
        <h3>Python</h3>
        <Snippet code={python} />
        <h3>Command line</h3>
        <Snippet code={shell} />
      </div>
    </section>
  );
}
