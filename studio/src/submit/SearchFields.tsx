import { useState } from "react";
import type { Search } from "../api/submission.ts";
import type { Stopping } from "../api/sweeps.ts";
import { AreaField, ChoiceField, TextField } from "../parts/fields.tsx";
import { SAMPLINGS } from "../sweeps/words.ts";
import { NEVER, parametersText } from "./searching.ts";
import { secondsText } from "./words.ts";

interface Props {
  /** What the sweep before searched for. */
  before: Search | undefined;
}

const GOALS = [
  ["minimize", "The least"],
  ["maximize", "The most"],
] as const;

const HINT =
  "One a line: values with commas between them; bounds with “log”, “whole” or “step 0.5”; normal(mean, deviation) or lognormal. A trial gets each as --name value.";

/** What is searched for with a job. */
export function SearchFields({ before }: Props) {
  return (
    <>
      <AreaField
        label="Parameters"
        name="parameters"
        required
        rows={4}
        className="field mono"
        defaultValue={before && parametersText(before.parameters)}
        placeholder={"lr=0.0001..0.1 log\ndepth=1..10 whole\ndecay=normal(0, 1)\noptimizer=adam, sgd"}
        hint={HINT}
      />
      <div className="fields-row">
        <TextField label="Metric" name="metric" required placeholder="loss" defaultValue={before?.metric} />
        <ChoiceField label="Wanted of it" name="goal" options={GOALS} defaultValue={before?.goal} />
        <ChoiceField
          label="Values are found"
          name="sampling"
          options={Object.entries(SAMPLINGS)}
          defaultValue={before?.sampling ?? "random"}
        />
        <TextField
          label="Trials at most"
          name="max_trials"
          type="number"
          min={1}
          defaultValue={before?.max_trials ?? ""}
          hint="Every combination has its own number."
        />
        <TextField
          label="At a time"
          name="max_concurrent"
          type="number"
          min={1}
          defaultValue={before?.max_concurrent ?? ""}
          hint="Empty: as many as there are slots."
        />
        <TextField
          label="Seed"
          name="seed"
          type="number"
          min={0}
          defaultValue={before?.seed ?? ""}
          hint="The same draws the same values; empty draws one."
        />
        <TextField
          label="Longest time of the sweep"
          name="max_sweep_duration_s"
          defaultValue={before && secondsText(before.max_sweep_duration_s)}
          hint="As 30m, 2h or 1d; empty is without end."
        />
      </div>
      <StoppingFields before={before?.stopping ?? null} />
    </>
  );
}

const RULES = [
  [NEVER, "None"],
  ["bandit", "Those much worse than the best (bandit)"],
  ["median", "Those worse than the median of the averages"],
  ["truncation", "A share of them, the worst (truncation)"],
] as const;

/** Which trials are ended early; each rule has figures of its own. */
function StoppingFields({ before }: { before: Stopping | null }) {
  const [kind, setKind] = useState<string>(before?.kind ?? NEVER);
  const figure = (name: keyof Stopping) => ({
    name: `stopping.${name}`,
    type: "number",
    step: "any",
    min: 0,
    defaultValue: (before?.kind === kind && before[name]) || "",
  });
  return (
    <>
      <ChoiceField
        label="Trials that are ended early"
        name="stopping"
        options={RULES}
        value={kind}
        onChange={(event) => setKind(event.target.value)}
      />
      {kind !== NEVER && (
        <div className="fields-row" key={kind}>
          {kind === "bandit" && (
            <>
              <TextField
                {...figure("slack_factor")}
                label="Slack as a share"
                hint="0.1 lets a trial be 10 % worse than the best."
              />
              <TextField {...figure("slack_amount")} label="Or as an amount" hint="In units of the metric." />
            </>
          )}
          {kind === "truncation" && (
            <TextField {...figure("percentage")} label="Share in percent" min={1} max={99} required />
          )}
          <TextField
            {...figure("every")}
            label="Looked at every"
            min={1}
            step={1}
            hint="So many points of the metric; empty is each."
          />
          <TextField {...figure("delay")} label="Not before" step={1} hint="So many points of the metric." />
        </div>
      )}
    </>
  );
}
