import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { deleteRuns, renameRun, restoreRuns } from "../api/mlflow.ts";
import type { Run } from "../api/types.ts";
import { Dialog, TextDialog } from "../parts/Dialog.tsx";
import { plural } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { failureText } from "../parts/States.tsx";
import { changedRuns, type RunsPages } from "./loadedPages.ts";
import { MOVED_AT_ONCE, moveInParts } from "./moving.ts";
import type { ChangeTable, TableSettings } from "./tableSettings.ts";

/** How many of many runs are moved; nothing for few, which are moved at once. */
function Moved({ count, of, label }: { count: number | null; of: number; label: string }) {
  if (count === null || of <= MOVED_AT_ONCE) return null;
  return (
    <span className="row">
      <progress value={count} max={of} aria-label={label} />
      <span className="number nowrap">
        {count.toLocaleString("en")} of {of.toLocaleString("en")}
      </span>
    </span>
  );
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
  const [moved, setMoved] = useState<number | null>(null);
  const queries = useQueryClient();
  const { selected, eyes, isDeleted } = settings;
  const refresh = async () => {
    await queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[0]).startsWith("runs") });
  };
  /** What is changed is known, so that the rows that are there need not all be asked for again. */
  const changeRows = async (changed: (run: Run) => Run | null) => {
    queries.setQueriesData<RunsPages>({ queryKey: ["runs"] }, (kept) => changedRuns(kept, changed));
    await queries.invalidateQueries({ queryKey: ["runs"], type: "inactive", refetchType: "none" });
    await queries.invalidateQueries({ queryKey: ["runs-head"] });
  };
  const dropSelected = async () => {
    const isLeft = rows.some((run) => !isSelected.has(run.runId));
    await (isLeft ? changeRows((run) => (isSelected.has(run.runId) ? null : run)) : refresh());
    change({ selected: [] });
  };
  const restore = useMutation({
    mutationFn: () => moveInParts(selected, restoreRuns, setMoved),
    onSuccess: dropSelected,
    onError: refresh,
    onSettled: () => setMoved(null),
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
          <Icon name="restore" /> Restore <Moved count={moved} of={selected.length} label="Restoring" />
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
            try {
              await moveInParts(selected, deleteRuns, setMoved);
            } catch (error) {
              await refresh();
              throw error;
            } finally {
              setMoved(null);
            }
            await dropSelected();
          }}
        >
          <p>They go to the deleted runs of this experiment, from where they can be restored.</p>
          <Moved count={moved} of={selected.length} label="Deleting" />
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
            await changeRows((run) => (run.runId === only.runId ? { ...run, name } : run));
          }}
        />
      )}
    </section>
  );
}
