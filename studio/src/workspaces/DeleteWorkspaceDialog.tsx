import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { serverRoot, workspaceName } from "../api/address.ts";
import { deleteWorkspace, type WorkspaceFacts } from "../api/workspaces.ts";
import { go } from "../app/location.ts";
import { workspacesHash } from "../app/route.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { TextField, textOf } from "../parts/fields.tsx";
import { plural } from "../parts/format.ts";

interface Props {
  workspace: WorkspaceFacts;
  onClose: () => void;
}

/** Asks for the workspace's name, and takes it away with all that it holds. */
export function DeleteWorkspaceDialog({ workspace, onClose }: Props) {
  const { name } = workspace;
  const queries = useQueryClient();
  const [isUnderWay, setIsUnderWay] = useState(false);
  return (
    <Dialog
      title={`Delete the workspace “${name}”?`}
      action="Delete for good"
      isDanger
      onClose={onClose}
      onConfirm={async (form) => {
        if (textOf(form, "confirm") !== name) throw new Error(`Type the name of the workspace: ${name}`);
        await deleteWorkspace(name, () => setIsUnderWay(true));
        if (name === workspaceName()) {
          window.location.assign(`${serverRoot()}${workspacesHash()}`);
          return;
        }
        go(workspacesHash());
        await queries.invalidateQueries({ queryKey: ["workspaces"] });
      }}
    >
      <p>
        {plural(workspace.run_count, "run")} in {plural(workspace.experiment_count, "experiment")} go for
        good, with all files, models, data and roles. There is no way back.
      </p>
      <TextField label="Name of the workspace" name="confirm" required />
      {isUnderWay && <p role="status">Being deleted; leave this open until it closes.</p>}
    </Dialog>
  );
}
