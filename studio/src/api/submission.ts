/** Code that goes to the server, and the jobs and sweeps that run it, in the words of Runyard's own API. */
import { putFile, type Sent } from "./datastores.ts";
import type { Job, JobEnvironment } from "./jobs.ts";
import type { Distribution, Stopping, Sweep } from "./sweeps.ts";
import { getJson, Refused, sendJson } from "./transport.ts";

/** What a job runs, where, and what comes and goes with it. */
export type WantedJob = Pick<
  Job,
  | "experiment_id"
  | "compute"
  | "snapshot"
  | "script"
  | "arguments"
  | "command"
  | "variables"
  | "slots"
  | "max_duration_s"
  | "max_attempts"
  | "priority"
  | "is_azureml"
  | "inputs"
  | "outputs"
  | "run_name"
>;

/** A job as somebody wants it; with a `run_id` of their own, the same sent again is the same job. */
export interface NewJob extends WantedJob {
  environment: JobEnvironment | null;
  tags: Record<string, string>;
  run_id: string;
}

/** Where the values of a parameter come from; what is left out says nothing. */
export type NewDistribution = Partial<Distribution> & Pick<Distribution, "kind">;

export interface Search extends Pick<Sweep, "metric" | "goal" | "sampling"> {
  parameters: Record<string, NewDistribution>;
  stopping: Stopping | null;
  /** Null draws one, takes every combination, and takes as many as there are slots. */
  seed: number | null;
  max_trials: number | null;
  max_concurrent: number | null;
  max_sweep_duration_s: number;
}

export const submitJob = async (body: NewJob): Promise<Job> =>
  (await sendJson<{ job: Job }>("POST", "api/v1/jobs", body)).job;

export const submitSweep = async (body: NewJob & Search): Promise<Sweep> =>
  (await sendJson<{ sweep: Sweep }>("POST", "api/v1/sweeps", body)).sweep;

/** Bring the code of a job to the server, unless it is there. */
export async function keepCode(sha256: string, sent: Sent): Promise<void> {
  const address = `api/v1/snapshots/${sha256}`;
  try {
    await getJson(address, sent.signal);
  } catch (error) {
    if (!(error instanceof Refused && error.status === 404)) throw error;
    await putFile(address, sent);
  }
}
