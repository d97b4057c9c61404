/** Asking the server, call by call, to measure or empty the trash. */
import type { Collected } from "../api/storage.ts";

export type Freed = Pick<
  Collected,
  | "experiments"
  | "runs"
  | "logged_models"
  | "datasets"
  | "traces"
  | "trace_bytes"
  | "metric_points"
  | "metric_bytes"
  | "other_bytes"
  | "artifact_files"
  | "artifact_bytes"
>;

export const NOTHING: Freed = {
  experiments: 0,
  runs: 0,
  logged_models: 0,
  datasets: 0,
  traces: 0,
  trace_bytes: 0,
  metric_points: 0,
  metric_bytes: 0,
  other_bytes: 0,
  artifact_files: 0,
  artifact_bytes: 0,
};

const NAMES = Object.keys(NOTHING) as (keyof Freed)[];

const plus = (one: Freed, other: Freed): Freed =>
  Object.fromEntries(NAMES.map((name) => [name, one[name] + other[name]])) as Freed;

export const bytesOf = (freed: Freed) =>
  freed.trace_bytes + freed.metric_bytes + freed.other_bytes + freed.artifact_bytes;
export const thingsOf = (freed: Freed) => freed.experiments + freed.runs + freed.logged_models;

export interface Step {
  deleted_before_ms?: number;
  offset?: number;
}

/** Call until all is done; each call goes on where the one before stopped. Answers the sum. */
export async function untilDone(
  call: (step: Step) => Promise<Collected>,
  onProgress: (freed: Freed) => void,
): Promise<Freed> {
  let freed = NOTHING;
  let step: Step = {};
  for (;;) {
    const answer = await call(step);
    freed = plus(freed, answer);
    onProgress(freed);
    if (answer.is_done) return freed;
    step = { deleted_before_ms: answer.deleted_before_ms, offset: answer.next_offset };
  }
}
