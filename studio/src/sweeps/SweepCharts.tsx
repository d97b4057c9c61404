import { useMemo } from "react";
import type { Sweep, Trial } from "../api/sweeps.ts";
import { go, useUrlQuery } from "../app/location.ts";
import { runHash } from "../app/route.ts";
import { TrialPlot, type TrialPoint } from "./TrialPlot.tsx";
import { TrialsParallel } from "./TrialsParallel.tsx";
import { bestSoFar, measured, scaleOf } from "./trials.ts";

interface Props {
  sweep: Sweep;
  trials: Trial[];
}

/** The metric over the trials, with the best so far, and over one of the parameters. */
export function SweepCharts({ sweep, trials }: Props) {
  const points = useMemo(() => measured(trials), [trials]);
  const open = (trial: Trial) => go(runHash(sweep.experiment_id, trial.run_id));
  if (points.length === 0) {
    return (
      <section className="card" aria-label="Charts">
        <p className="quiet card-note wrap-anywhere">
          There is something to see here as soon as a trial has ended that has logged {sweep.metric}.
        </p>
      </section>
    );
  }
  return (
    <>
      <div className="sweep-charts">
        <OverTrials sweep={sweep} trials={points} onOpen={open} />
        <OverParameter sweep={sweep} trials={points} onOpen={open} />
      </div>
      <TrialsParallel sweep={sweep} trials={points} onOpen={open} />
    </>
  );
}

interface ChartProps {
  sweep: Sweep;
  trials: (Trial & { value: number })[];
  onOpen: (trial: Trial) => void;
}

function OverTrials({ sweep, trials, onOpen }: ChartProps) {
  const points = useMemo(
    () => trials.map((trial): TrialPoint => ({ trial, x: trial.number, y: trial.value })),
    [trials],
  );
  const best = useMemo(
    () =>
      bestSoFar(
        points.map(({ y }) => y),
        sweep.goal,
      ),
    [points, sweep.goal],
  );
  return (
    <figure className="card panel" aria-label={`${sweep.metric} of each trial, and the best so far`}>
      <figcaption className="row">
        <span className="strong grow ellipsis">{sweep.metric} by trial</span>
        <span className="quiet best-key">best so far</span>
      </figcaption>
      <TrialPlot sweep={sweep} points={points} best={best} names={null} isLogX={false} onOpen={onOpen} />
    </figure>
  );
}

/** Which of the parameters matters: the metric over its values. */
function OverParameter({ sweep, trials, onOpen }: ChartProps) {
  const [query, change] = useUrlQuery();
  const names = Object.keys(sweep.parameters);
  const shown = names.find((name) => name === query.get("parameter")) ?? names[0] ?? "";
  const scale = useMemo(() => {
    const from = sweep.parameters[shown];
    return (
      from &&
      scaleOf(
        from,
        trials.map(({ parameters }) => parameters[shown]),
      )
    );
  }, [sweep.parameters, shown, trials]);
  const points = useMemo(() => {
    const placed = trials.flatMap((trial): TrialPoint[] => {
      const x = scale?.at(trial.parameters[shown]) ?? null;
      return x === null ? [] : [{ trial, x, y: trial.value }];
    });
    return placed.sort((one, other) => one.x - other.x);
  }, [trials, scale, shown]);
  if (!scale) return null;
  return (
    <figure className="card panel" aria-label={`${sweep.metric} over ${shown}`}>
      <figcaption className="row">
        <label className="row grow">
          <span className="strong nowrap">{sweep.metric} over</span>
          <select
            className="field parameter-choice"
            aria-label="Parameter"
            value={shown}
            onChange={(event) => change({ parameter: event.target.value })}
          >
            {names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </figcaption>
      <TrialPlot
        key={shown}
        sweep={sweep}
        points={points}
        best={null}
        names={scale.names}
        isLogX={scale.isLog}
        onOpen={onOpen}
      />
    </figure>
  );
}
