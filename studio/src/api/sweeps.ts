/** Sweeps and their trials, in the words of Runyard's own API. */
import { JOB_STATUSES } from "./jobs.ts";
import type { NewJob, Search } from "./submission.ts";
import { getJson, sendJson, withQuery } from "./transport.ts";

export type ParameterValue = string | number | boolean;

/** Where the values of a parameter come from. */
export interface Distribution {
  kind: "choice" | "uniform" | "integer" | "normal";
  values: ParameterValue[];
  low: number;
  high: number;
  mean: number;
  deviation: number;
  is_log: boolean;
  step: number;
}

/** When a trial is ended early. */
export interface Stopping {
  kind: "bandit" | "median" | "truncation";
  every: number;
  delay: number;
  slack_factor: number;
  slack_amount: number;
  percentage: number;
}

/** Where the job of a trial is, and `stopped` where the sweep's own rule has ended it. */
export const TRIAL_STATUSES = [...JOB_STATUSES, "stopped"] as const;
export type TrialStatus = (typeof TRIAL_STATUSES)[number];

export interface Trial {
  number: number;
  run_id: string;
  parameters: Record<string, ParameterValue>;
  status: TrialStatus;
  /** The best of the metric that it has logged, once it is over. */
  value: number | null;
  started_ms: number | null;
  ended_ms: number | null;
  /** Why its job waits or did not end well. */
  reason: string;
}

export interface Sweep {
  run_id: string;
  run_name: string;
  experiment_id: string;
  status: "running" | "completed" | "failed" | "canceled";
  is_closed: boolean;
  reason: string;
  metric: string;
  goal: "minimize" | "maximize";
  sampling: "grid" | "random" | "bayesian";
  seed: number;
  parameters: Record<string, Distribution>;
  stopping: Stopping | null;
  max_trials: number;
  max_concurrent: number;
  max_sweep_duration_s: number;
  compute: string;
  script: string;
  arguments: string[];
  command: string[];
  submitted_ms: number;
  submitted_by: string;
  ended_ms: number | null;
  /** How many there are of each status, `open` for those that wait or run. */
  trials: Record<string, number>;
  best: Trial | null;
  best_value: number | null;
}

/** A sweep, and what submits it again. */
export interface SweepWithWanted {
  sweep: Sweep;
  wanted: (Omit<NewJob, "run_id"> & Search) | null;
}

interface SweepsPage {
  sweeps: Sweep[];
  next_page_token: string | null;
}

export interface TrialsPage {
  trials: Trial[];
  next_page_token: string | null;
}

const BASE = "api/v1/sweeps";
const TRIALS_AT_ONCE = 1000;
const one = (runId: string) => `${BASE}/${encodeURIComponent(runId)}`;

export const listSweeps = (experimentId: string, pageToken: string | null, signal?: AbortSignal) =>
  getJson<SweepsPage>(
    withQuery(BASE, { experiment_id: experimentId, max_results: 50, page_token: pageToken }),
    signal,
  );

export const getSweep = (runId: string, signal?: AbortSignal) => getJson<SweepWithWanted>(one(runId), signal);

export const cancelSweep = (runId: string) => sendJson("POST", `${one(runId)}/cancel`, {});

export const listTrials = (runId: string, pageToken: string | null, signal?: AbortSignal) =>
  getJson<TrialsPage>(
    withQuery(`${one(runId)}/trials`, { max_results: TRIALS_AT_ONCE, page_token: pageToken }),
    signal,
  );
