/** What the form of a job says, as the server is asked for it. Pure. */
import type { Job, JobEnvironment } from "../api/jobs.ts";
import type { NewJob, Search, WantedJob } from "../api/submission.ts";
import type { Sweep, SweepWithWanted } from "../api/sweeps.ts";
import type { Run } from "../api/types.ts";
import { numberOf, textOf } from "../parts/fields.tsx";
import { editedPairs } from "../parts/pairLines.ts";
import { inputsFrom, type NamedAssets, NO_ASSETS } from "./inputs.ts";
import { parametersFrom, stoppingOf } from "./searching.ts";
import { outputsFrom, secondsFrom, shellWords } from "./words.ts";

/** A job or a sweep whose form another one begins with, and the tags of its run. */
export interface Before {
  job: WantedJob & { run_id: string };
  environment: JobEnvironment | null;
  run: Pick<Run, "tags">;
  search?: Search;
}

/** What another sweep begins with. */
export function beforeOf({ sweep, wanted }: SweepWithWanted): Before | undefined {
  if (!wanted) return undefined;
  return {
    job: { ...wanted, run_id: sweep.run_id },
    environment: wanted.environment,
    run: { tags: new Map(Object.entries(wanted.tags)) },
    search: wanted,
  };
}

/** What an environment is chosen by: nothing, the one before, or the name of one with or without a version. */
export const AS_BEFORE = "as before";
export const NO_ENVIRONMENT = "";

const OURS = /^(mlflow|runyard)\./;
const OF_CODE = "mlflow.source.git.";

/** The tags that people have set themselves. */
export const ownTags = (tags: ReadonlyMap<string, string>): Record<string, string> =>
  Object.fromEntries([...tags].filter(([key]) => !OURS.test(key)));

/** What git says of code stays with it, and with no other. */
const tagsOfCode = (before: Before | undefined, snapshot: string): Record<string, string> =>
  before && snapshot !== "" && before.job.snapshot === snapshot
    ? Object.fromEntries([...before.run.tags].filter(([key]) => key.startsWith(OF_CODE)))
    : {};

function environmentOf(form: FormData, before: Before | undefined): NewJob["environment"] {
  const chosen = textOf(form, "environment");
  if (chosen === AS_BEFORE) return before?.environment ?? null;
  return chosen === NO_ENVIRONMENT ? null : { name: chosen };
}

/** The words of what runs: a script with its arguments, or a command. */
export function programOf(form: FormData): Pick<Job, "script" | "arguments" | "command"> {
  const words = shellWords(textOf(form, "script"));
  const [script, ...rest] = words;
  if (script === undefined) throw new Error("'script' must say what is to run.");
  return form.get("what") === "command"
    ? { script: "", arguments: [], command: words }
    : { script, arguments: rest, command: [] };
}

/** Read the form. `snapshot` is the code, and `experiment_id` and `run_id` are for the sender to add. */
export function jobOf(
  form: FormData,
  snapshot: string,
  before?: Before,
  assets: NamedAssets = NO_ASSETS,
): Omit<NewJob, "experiment_id" | "run_id"> {
  return {
    ...programOf(form),
    compute: textOf(form, "compute"),
    snapshot,
    environment: environmentOf(form, before),
    variables: editedPairs(textOf(form, "variables"), before?.job.variables, "variable"),
    slots: numberOf(form, "slots") ?? 1,
    max_duration_s: secondsFrom(textOf(form, "max_duration_s")),
    max_attempts: numberOf(form, "max_attempts") ?? 1,
    priority: numberOf(form, "priority") ?? 0,
    is_azureml: form.get("is_azureml") === "on",
    inputs: inputsFrom(textOf(form, "inputs"), before?.job.inputs, assets),
    outputs: outputsFrom(textOf(form, "outputs"), before?.job.outputs),
    run_name: textOf(form, "run_name"),
    tags: {
      ...tagsOfCode(before, snapshot),
      ...editedPairs(textOf(form, "tags"), before && ownTags(before.run.tags)),
    },
  };
}

/** What is searched for with the job. */
export function searchOf(form: FormData): Search {
  return {
    parameters: parametersFrom(textOf(form, "parameters")),
    metric: textOf(form, "metric"),
    goal: textOf(form, "goal") as Sweep["goal"],
    sampling: textOf(form, "sampling") as Sweep["sampling"],
    stopping: stoppingOf(form),
    seed: numberOf(form, "seed"),
    max_trials: numberOf(form, "max_trials"),
    max_concurrent: numberOf(form, "max_concurrent"),
    max_sweep_duration_s: secondsFrom(textOf(form, "max_sweep_duration_s")),
  };
}

const ID_BYTES = 16;

/** A new id of a run, as the server draws them. */
export const newRunId = () =>
  [...window.crypto.getRandomValues(new Uint8Array(ID_BYTES))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
