import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { deleteRun, renameRun, restoreRun } from "../api/mlflow.ts";
import type { Run } from "../api/types.ts";
import { Dialog, TextDialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { failureText } from "../parts/States.tsx";

export function RunActions({ run }: { run: Run }) {
  const [asked, setAsked] = useState<"rename" | "delete" | null>(null);
  const queries = useQueryClient();
  const refresh = () => queries.invalidateQueries();
  const restore = useMutation({ mutationFn: () => restoreRun(run.runId), onSettled: refresh });
  return (
    <span className="row">
      <button type="button" className="button" onClick={() => setAsked("rename")}>
        <Icon name="pencil" /> Rename
      </button>
      {run.isDeleted ? (
        <button
          type="button"
          className="button"
          onClick={() => restore.mutate()}
          disabled={restore.isPending}
        >
          <Icon name="restore" /> Restore
        </button>
      ) : (
        <button type="button" className="button danger" onClick={() => setAsked("delete")}>
          <Icon name="trash" /> Delete
        </button>
      )}
      {restore.error && (
        <span className="note bad" role="alert">
          {failureText(restore.error).detail}
        </span>
      )}
      {asked === "rename" && (
        <TextDialog
          title="Rename the run"
          label="Name"
          action="Rename"
          initial={run.name}
          onClose={() => setAsked(null)}
          onText={async (name) => {
            await renameRun(run.runId, name);
            await refresh();
          }}
        />
      )}
      {asked === "delete" && (
        <Dialog
          title="Delete this run?"
          action="Delete"
          isDanger
          onClose={() => setAsked(null)}
          onConfirm={async () => {
            await deleteRun(run.runId);
            await refresh();
          }}
        >
          <p className="wrap-anywhere">
            “{run.name}” goes to the deleted runs, from where it can be restored.
          </p>
        </Dialog>
      )}
    </span>
  );
}
