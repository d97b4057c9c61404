import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { workspaceName } from "../api/address.ts";
import { may, useCaller } from "../api/caller.ts";
import { listWorkspaces } from "../api/runyard.ts";
import type { Workspace } from "../api/types.ts";
import { go } from "../app/location.ts";
import { workspaceHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { Icon } from "../parts/Icon.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Empty } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { NewWorkspaceDialog } from "./NewWorkspaceDialog.tsx";

/** All workspaces that the caller may see. */
export function WorkspacesScreen() {
  useDocumentTitle("Workspaces");
  const caller = useCaller();
  const queries = useQueryClient();
  const [isCreating, setIsCreating] = useState(false);
  const query = useQuery({
    queryKey: ["workspaces"],
    queryFn: ({ signal }) => listWorkspaces(signal),
    refetchInterval: 10_000,
  });
  return (
    <div className="page stack">
      <div className="title">
        <h1>Workspaces</h1>
        <span className="grow" />
        {may(caller, "ADMINISTER") && (
          <button type="button" className="button primary" onClick={() => setIsCreating(true)}>
            <Icon name="plus" /> New workspace
          </button>
        )}
      </div>
      <p className="quiet">
        Each workspace has its own experiments, models, data and files, and its own roles. You see those in
        which you have one.
      </p>
      <Loaded query={query} label="Loading workspaces">
        {(all) => (
          <TableCard
            title="Workspaces"
            count={all.length}
            columns={["Name", "Experiments", "Runs", "~Description"]}
            instead={
              all.length === 0 && (
                <Empty title="You have no workspace yet">
                  <p className="quiet">Ask an administrator for a role in one.</p>
                </Empty>
              )
            }
          >
            {all.map((workspace) => (
              <Row key={workspace.name} workspace={workspace} />
            ))}
          </TableCard>
        )}
      </Loaded>
      {isCreating && (
        <NewWorkspaceDialog
          onClose={() => setIsCreating(false)}
          onMade={(name) => {
            void queries.invalidateQueries({ queryKey: ["workspaces"] });
            go(workspaceHash(name));
          }}
        />
      )}
    </div>
  );
}

function Row({ workspace }: { workspace: Workspace }) {
  return (
    <tr>
      <td>
        <a className="strong wrap-anywhere" href={workspaceHash(workspace.name)}>
          {workspace.name}
        </a>{" "}
        {workspace.name === workspaceName() && <span className="pill good">on screen</span>}
      </td>
      <td className="number">{workspace.experimentCount}</td>
      <td className="number">{workspace.runCount}</td>
      <td className="wide-only wrap-anywhere">{workspace.description}</td>
    </tr>
  );
}
