import { useCaller } from "../api/caller.ts";
import { experimentsHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { Empty } from "../parts/States.tsx";
import { KeysPanel } from "./KeysPanel.tsx";

/** One's own API keys. */
export function KeysScreen() {
  useDocumentTitle("My API keys");
  const caller = useCaller();
  if (caller?.is_local_owner) {
    return (
      <div className="page stack">
        <h1>My API keys</h1>
        <Empty title="You need no API key here">
          <p className="quiet">
            This server answers at this machine alone, and takes whoever is there for its owner. On a team's
            server, your keys are listed here.
          </p>
          <a className="button" href={experimentsHash()}>
            All experiments
          </a>
        </Empty>
      </div>
    );
  }
  return (
    <div className="page stack">
      <h1>My API keys</h1>
      <p className="quiet">
        One for each machine or script, as narrow as it may be. Browser sessions and logins of machines are
        listed too, so that you can end them from here.
      </p>
      <KeysPanel />
    </div>
  );
}
