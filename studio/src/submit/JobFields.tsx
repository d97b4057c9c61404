import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { listEnvironments } from "../api/assets.ts";
import { listComputeTargets } from "../api/compute.ts";
import { useExperimentNames } from "../jobs/queries.ts";
import { lineOf } from "../jobs/words.ts";
import { AreaField, CheckField, ChoiceField, TextField } from "../parts/fields.tsx";
import { PAIRS_HINT, pairsText } from "../parts/pairLines.ts";
import { DatasetPicker } from "./DatasetPicker.tsx";
import type { CodeFile } from "./ignoring.ts";
import { inputsElsewhere, inputsText, type NamedAssets } from "./inputs.ts";
import { AS_BEFORE, type Before, NO_ENVIRONMENT, ownTags } from "./newJob.ts";
import { outputsText, secondsText } from "./words.ts";

interface Props {
  before: Before | undefined;
}

/** Where its run is, and what that is called. */
export function RunFields({ before, isSweep }: Props & { isSweep: boolean }) {
  const names = useExperimentNames();
  const listId = useId();
  const began = before ? names.get(before.job.experiment_id) : undefined;
  return (
    <div className="fields-row">
      <TextField
        key={began}
        label="Experiment"
        name="experiment"
        required
        list={listId}
        defaultValue={began ?? "Default"}
        hint="It is made if need be."
      />
      <datalist id={listId}>
        {[...names.values()].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <TextField
        label={isSweep ? "Name of the sweep" : "Name of the run"}
        name="run_name"
        defaultValue={before?.job.run_name}
        hint="Empty draws one."
      />
    </div>
  );
}

const WHAT = [
  ["script", "A Python script of the code"],
  ["command", "A command"],
] as const;

/** What runs. */
export function ProgramFields({ before, code }: Props & { code: CodeFile[] | null }) {
  const only = code?.filter(({ path }) => path.endsWith(".py"));
  const script = only?.length === 1 ? only[0]?.path : undefined;
  const line = before ? lineOf(before.job) : script;
  return (
    <>
      <ChoiceField
        label="What runs"
        name="what"
        options={WHAT}
        defaultValue={before && !before.job.script ? "command" : "script"}
      />
      <AreaField
        key={line}
        label="Script or command, with its arguments"
        name="script"
        required
        rows={2}
        className="field mono"
        defaultValue={line}
        placeholder="train.py --lr 0.1 --data '${{inputs.scans}}'"
        hint="As a shell parts words by spaces and quotes; nothing is expanded."
      />
    </>
  );
}

/** Where it runs, and what it has around it. */
export function PlaceFields({ before }: Props) {
  const targets = useQuery({ queryKey: ["compute"], queryFn: ({ signal }) => listComputeTargets(signal) });
  const environments = useQuery({
    queryKey: ["environments", false, "names"],
    queryFn: ({ signal }) => listEnvironments(false, null, signal),
  });
  const found = environments.data;
  const names = [...(found?.environments ?? []), ...(found?.curated ?? [])].map(({ name }) => name);
  const compute = before?.job.compute ?? "local";
  const targetNames = new Set([compute, ...(targets.data ?? []).map(({ name }) => name)]);
  return (
    <div className="fields-row">
      <ChoiceField
        label="Compute"
        name="compute"
        defaultValue={compute}
        options={[...targetNames].map((name) => [name, name])}
      />
      <ChoiceField
        label="Environment"
        name="environment"
        defaultValue={before ? AS_BEFORE : NO_ENVIRONMENT}
        options={[
          ...(before ? [[AS_BEFORE, "As before"] as const] : []),
          [NO_ENVIRONMENT, "That of the target"],
          ...names.map((name) => [name, name] as const),
        ]}
      />
    </div>
  );
}

const DATA_HINT = "One a line, as scans=workspaceblobstore:raw/2026, or people=@people:3 for a dataset.";
const BROUGHT_HINT =
  "Of a table, and of files of the web, that is the dataset’s id, by which Run.get_context().input_datasets has it.";

/** What comes and goes with it, and its limits; few jobs need them. */
export function MoreFields({ before, assets }: Props & { assets: NamedAssets }) {
  const job = before?.job;
  const elsewhere = job ? inputsElsewhere(job.inputs, assets) : [];
  const kept = elsewhere.length > 0 ? ` ${elsewhere.join(", ")} stays as it is.` : "";
  return (
    <details className="more-fields">
      <summary>Data, variables, tags and limits</summary>
      <div className="stack">
        <AreaField
          key={assets.size}
          label="Inputs"
          name="inputs"
          className="field mono"
          defaultValue={job && inputsText(job.inputs, assets)}
          hint={`${DATA_HINT} \${{inputs.scans}} in an argument is where it is then. ${BROUGHT_HINT}${kept}`}
        />
        <DatasetPicker />
        <AreaField
          label="Outputs"
          name="outputs"
          className="field mono"
          defaultValue={job && outputsText(job.outputs, job.run_id)}
          hint="The same for folders that go to a datastore; {run_id} in a path is the run's."
        />
        <AreaField
          label="Variables"
          name="variables"
          className="field mono"
          defaultValue={job && pairsText(job.variables)}
          hint="One a line, as OMP_NUM_THREADS=2."
        />
        <AreaField
          label="Tags"
          name="tags"
          defaultValue={before && pairsText(ownTags(before.run.tags))}
          hint={PAIRS_HINT}
        />
        <div className="fields-row">
          <TextField label="Slots" name="slots" type="number" min={1} defaultValue={job?.slots ?? 1} />
          <TextField
            label="Longest time"
            name="max_duration_s"
            defaultValue={job && secondsText(job.max_duration_s)}
            hint="As 30m, 2h or 1d; empty is without end."
          />
          <TextField
            label="Attempts at most"
            name="max_attempts"
            type="number"
            min={1}
            defaultValue={job?.max_attempts ?? 1}
          />
          <TextField label="Priority" name="priority" type="number" defaultValue={job?.priority ?? 0} />
        </div>
        <CheckField name="is_azureml" isOn={job?.is_azureml ?? false}>
          The script is one for Azure ML's first SDK
        </CheckField>
      </div>
    </details>
  );
}
