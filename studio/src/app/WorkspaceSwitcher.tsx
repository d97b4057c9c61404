import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { currentWorkspace, serverRoot } from "../api/address.ts";
import { createWorkspace, listWorkspaces } from "../api/runyard.ts";
import { TextDialog } from "../parts/Dialog.tsx";
import { plural } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { Menu } from "../parts/Menu.tsx";
import { workspacesHash } from "./route.ts";

const workspaceAddress = (name: string) => `${serverRoot()}workspaces/${encodeURIComponent(name)}/#/`;

/** Names the workspace on screen, and goes to another one. */
export function WorkspaceSwitcher() {
  const [isCreating, setIsCreating] = useState(false);
  const { data: workspaces = [] } = useQuery({
    queryKey: ["workspaces"],
    queryFn: ({ signal }) => listWorkspaces(signal),
    staleTime: 30_000,
  });
  const shown = currentWorkspace() ?? workspaces.find((one) => one.isDefault)?.name ?? "default";

  async function create(name: string) {
    await createWorkspace(name, "");
    window.location.assign(workspaceAddress(name));
  }

  return (
    <>
      <Menu
        label={`Workspace ${shown}`}
        isStart
        buttonClass="button bare"
        button={
          <>
            <span className="ellipsis">{shown}</span>
            <Icon name="down" size={12} />
          </>
        }
      >
        {(close) => (
          <>
            <div className="group">Workspaces</div>
            {workspaces.map((workspace) => (
              <a
                key={workspace.name}
                className="item"
                href={workspaceAddress(workspace.name)}
                aria-current={workspace.name === shown}
              >
                <span className="grow ellipsis">{workspace.name}</span>
                <span className="quiet">{plural(workspace.runCount, "run")}</span>
              </a>
            ))}
            <a className="item" href={workspacesHash()} onClick={close}>
              <Icon name="settings" /> All workspaces
            </a>
            <button
              type="button"
              className="item"
              onClick={() => {
                close();
                setIsCreating(true);
              }}
            >
              <Icon name="plus" /> New workspace
            </button>
          </>
        )}
      </Menu>
      {isCreating && (
        <TextDialog
          title="New workspace"
          label="Name"
          action="Create"
          pattern="[a-z0-9][a-z0-9\-]{0,62}"
          hint="Small letters, digits and hyphens. Each workspace has its own experiments and files."
          onText={create}
          onClose={() => setIsCreating(false)}
        />
      )}
    </>
  );
}
