import { AreaField, ChoiceField, TextField } from "../parts/fields.tsx";
import { SAMPLINGS } from "../sweeps/words.ts";

const GOALS = [
  ["minimize", "The least"],
  ["maximize", "The most"],
] as const;

/** What is searched for with a job. */
export function SearchFields() {
  return (
    <>
      <AreaField
        label="Parameters"
        name="parameters"
        required
        className="field mono"
        placeholder={"lr=0.0001..0.1 log\ndepth=1..10 whole\noptimizer=adam, sgd"}
        hint="One a line: values with commas between them, or bounds with “log”, “whole” or “step 0.5”. A trial gets each as --name value."
      />
      <div className="fields-row">
        <TextField label="Metric" name="metric" required placeholder="loss" />
        <ChoiceField label="Wanted of it" name="goal" options={GOALS} />
        <ChoiceField
          label="Values are found"
          name="sampling"
          options={Object.entries(SAMPLINGS)}
          defaultValue="random"
        />
        <TextField
          label="Trials at most"
          name="max_trials"
          type="number"
          min={1}
          hint="Every combination has its own number."
        />
        <TextField
          label="At a time"
          name="max_concurrent"
          type="number"
          min={1}
          hint="Empty: as many as there are slots."
        />
      </div>
    </>
  );
}
