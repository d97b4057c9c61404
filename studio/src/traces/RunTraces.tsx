import type { Run } from "../api/types.ts";
import { useExperimentName } from "../experiments/queries.ts";
import { TracesPane } from "./TracesPane.tsx";
import { NoTraces } from "./TracesScreen.tsx";

/** The traces that a run logged, or that were linked to it. */
export function RunTraces({ run }: { run: Run }) {
  const name = useExperimentName(run.experimentId);
  return (
    <TracesPane
      experimentId={run.experimentId}
      runId={run.runId}
      empty={<NoTraces name={name} runId={run.runId} />}
    />
  );
}
