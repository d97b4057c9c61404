import { useMemo } from "react";
import type { Sweep, Trial } from "../api/sweeps.ts";
import { ParallelCard } from "../charts/ParallelCard.tsx";
import { number } from "../parts/format.ts";
import { trialDimensions } from "./trials.ts";

interface Props {
  sweep: Sweep;
  trials: (Trial & { value: number })[];
  onOpen: (trial: Trial) => void;
}

/** All trials over all parameters: which values the good ones have in common. */
export function TrialsParallel({ sweep, trials, onOpen }: Props) {
  const dimensions = useMemo(() => trialDimensions(sweep, trials), [sweep, trials]);
  const names = useMemo(
    () => trials.map((trial) => `Trial ${trial.number}: ${sweep.metric} ${number(trial.value)}`),
    [trials, sweep.metric],
  );
  return (
    <ParallelCard
      dimensions={dimensions}
      names={names}
      colourBy="metric"
      onOpen={(line) => {
        const trial = trials[line];
        if (trial) onOpen(trial);
      }}
    />
  );
}
