import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { deleteExperiment, renameExperiment, restoreExperiment } from "../api/mlflow.ts";
import type { Experiment } from "../api/types.ts";
import { experimentHash, runHash } from "../app/route.ts";
import { Dialog, TextDialog } from "../parts/Dialog.tsx";
import { IconButton } from "../parts/IconButton.tsx";
import { StatusPill } from "../parts/StatusPill.tsx";
import { Time } from "../parts/Time.tsx";
import { useNewestRun } from "./queries.ts";

function NewestRun({ experiment }: { experiment: Experiment }) {
  const { data: run, isPending } = useNewestRun(experiment);
  if (experiment.isDeleted) return <span className="quiet">–</span>;
  if (isPending) return <span className="skeleton" />;
  if (!run) return <span className="quiet">No runs yet</span>;
  return (
    <span className="row wrap">
      <StatusPill status={run.status} />
      <a className="ellipsis" title={run.name} href={runHash(experiment.experimentId, run.runId)}>
        {run.name}
      </a>
      <span className="quiet">
        <Time ms={run.startedMs} isRelative />
      </span>
    </span>
  );
}

export function ExperimentRow({ experiment }: { experiment: Experiment }) {
  const [asked, setAsked] = useState<"delete" | "rename" | null>(null);
  const queries = useQueryClient();
  const refresh = () => queries.invalidateQueries({ queryKey: ["experiments"] });
  const { experimentId, name, isDeleted } = experiment;

  return (
    <tr>
      <td>
        <a className="wrap-anywhere strong" href={experimentHash(experimentId)}>
          {name}
        </a>
        <div className="quiet">#{experimentId}</div>
      </td>
      <td>
        <NewestRun experiment={experiment} />
      </td>
      <td className="wide-only">
        <Time ms={experiment.updatedMs} isRelative />
      </td>
      <td className="wide-only">
        <Time ms={experiment.createdMs} isRelative />
      </td>
      <td className="end actions">
        {isDeleted ? (
          <IconButton
            icon="restore"
            label={`Restore ${name}`}
            onClick={() => void restoreExperiment(experimentId).then(refresh)}
          />
        ) : (
          <>
            <IconButton icon="pencil" label={`Rename ${name}`} onClick={() => setAsked("rename")} />
            <IconButton icon="trash" label={`Delete ${name}`} onClick={() => setAsked("delete")} />
          </>
        )}
        {asked === "delete" && (
          <Dialog
            title="Delete this experiment?"
            action="Delete"
            isDanger
            onClose={() => setAsked(null)}
            onConfirm={async () => {
              await deleteExperiment(experimentId);
              await refresh();
            }}
          >
            <p className="wrap-anywhere">
              “{name}” and its runs go to the deleted ones, from where they can be restored.
            </p>
          </Dialog>
        )}
        {asked === "rename" && (
          <TextDialog
            title="Rename the experiment"
            label="Name"
            action="Rename"
            initial={name}
            onClose={() => setAsked(null)}
            onText={async (text) => {
              await renameExperiment(experimentId, text);
              await refresh();
            }}
          />
        )}
      </td>
    </tr>
  );
}
