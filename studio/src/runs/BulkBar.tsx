import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { deleteRun, renameRun, restoreRun } from "../api/mlflow.ts";
import type { Run } from "../api/types.ts";
import { Dialog, TextDialog } from "../parts/Dialog.tsx";
import { plural } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { failureText } from "../parts/States.tsx";
import type { ChangeTable, TableSettings } from "./tableSettings.ts";

/** One after the other: a failure stops there, and what was done stays done. */
async function forEachRun(runIds: string[], act: (runId: string) => Promise<unknown>): Promise<void> {
  for (const runId of runIds) await act(runId);
}

/** What can be done with the selected runs. */
export function BulkBar({
  rows,
  settings,
  change,
}: {
  rows: Run[];
  settings: TableSettings;
  change: ChangeTable;
}) {
  const [asked, setAsked] = useState<"delete" | "rename" | null>(null);
  const queries = useQueryClient();
  const { selected, eyes, isDeleted } = settings;
  const refresh = async () => {
    await queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[0]).startsWith("runs") });
  };
  const restore = useMutation({
    mutationFn: () => forEachRun(selected, restoreRun),
    onSuccess: () => change({ selected: [] }),
    onSettled: refresh,
  });
  const count = plural(selected.length, "run");
  const only = selected.length === 1 ? rows.find((run) => run.runId === selected[0]) : undefined;
  const isSelected = new Set(selected);
  const others = (list: string[]) => list.filter((runId) => !isSelected.has(runId));

  return (
    <section className="bulk row wrap" aria-label="Selected runs">
      <strong>{count} selected</strong>
      <button
        type="button"
        className="button small"
        disabled={selected.length < 2}
        onClick={() => change({ pane: "compare" }, { push: true })}
      >
        <Icon name="compare" /> Compare
      </button>
      <button
        type="button"
        className="button small"
        onClick={() =>
          change({ eyes: { hidden: others(eyes.hidden), shown: [...others(eyes.shown), ...selected] } })
        }
      >
        <Icon name="eye" /> Show
      </button>
      <button
        type="button"
        className="button small"
        onClick={() =>
          change({ eyes: { hidden: [...others(eyes.hidden), ...selected], shown: others(eyes.shown) } })
        }
      >
        <Icon name="eyeOff" /> Hide
      </button>
      {only && (
        <button type="button" className="button small" onClick={() => setAsked("rename")}>
          <Icon name="pencil" /> Rename
        </button>
      )}
      {isDeleted ? (
        <button
          type="button"
          className="button small"
          onClick={() => restore.mutate()}
          disabled={restore.isPending}
        >
          <Icon name="restore" /> Restore
        </button>
      ) : (
        <button type="button" className="button small danger" onClick={() => setAsked("delete")}>
          <Icon name="trash" /> Delete
        </button>
      )}
      <button type="button" className="button small bare" onClick={() => change({ selected: [] })}>
        Clear
      </button>
      {restore.error && (
        <span className="note bad" role="alert">
          {failureText(restore.error).detail}
        </span>
      )}
      {asked === "delete" && (
        <Dialog
          title={`Delete ${count}?`}
          action="Delete"
          isDanger
          onClose={() => setAsked(null)}
          onConfirm={async () => {
            await forEachRun(selected, deleteRun).finally(refresh);
            change({ selected: [] });
          }}
        >
          <p>They go to the deleted runs of this experiment, from where they can be restored.</p>
        </Dialog>
      )}
      {asked === "rename" && only && (
        <TextDialog
          title="Rename the run"
          label="Name"
          action="Rename"
          initial={only.name}
          onClose={() => setAsked(null)}
          onText={async (name) => {
            await renameRun(only.runId, name);
            await refresh();
          }}
        />
      )}
    </section>
  );
}
