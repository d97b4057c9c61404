import { useMemo } from "react";
import type { Run } from "../api/types.ts";
import { go } from "../app/location.ts";
import { runHash } from "../app/route.ts";
import { ParallelCard } from "../charts/ParallelCard.tsx";
import { runDimensions } from "./compare.ts";

/** The compared runs as lines over what differs among them. */
export function RunsParallel({ runs }: { runs: Run[] }) {
  const dimensions = useMemo(() => runDimensions(runs), [runs]);
  const names = useMemo(() => runs.map(({ name }) => name), [runs]);
  const last = dimensions.findLast(({ key }) => key.startsWith("metrics."));
  return (
    <ParallelCard
      dimensions={dimensions}
      names={names}
      colourBy={last?.key ?? null}
      onOpen={(line) => {
        const run = runs[line];
        if (run) go(runHash(run.experimentId, run.runId));
      }}
    />
  );
}
