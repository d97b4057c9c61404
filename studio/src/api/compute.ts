/** Compute targets, in the words of Runyard's own API. */
import { getJson, send, sendJson, withQuery } from "./transport.ts";

export interface ComputeTarget {
  name: string;
  kind: string;
  slots: number;
  slots_taken: number;
  jobs_waiting: number;
  is_paused: boolean;
  is_built_in: boolean;
  description: string;
  tags: Record<string, string>;
  created_ms: number;
  created_by: string;
  /** What its kind needs to know; a local one needs nothing. */
  settings?: Record<string, unknown>;
  has_credential?: boolean;
  /** Whether it goes as soon as its jobs are over. */
  is_leaving?: boolean;
}

export interface NewComputeTarget {
  name: string;
  kind: string;
  slots: number;
  description: string;
  tags: Record<string, string>;
}

export type ComputeChange = Partial<Pick<ComputeTarget, "slots" | "is_paused" | "description" | "tags">>;

const BASE = "api/v1/compute";
const one = (name: string) => `${BASE}/${encodeURIComponent(name)}`;

export async function listComputeTargets(signal?: AbortSignal): Promise<ComputeTarget[]> {
  return (await getJson<{ compute_targets: ComputeTarget[] }>(BASE, signal)).compute_targets;
}

export async function getComputeTarget(name: string, signal?: AbortSignal): Promise<ComputeTarget> {
  return (await getJson<{ compute_target: ComputeTarget }>(one(name), signal)).compute_target;
}

export const createComputeTarget = (wanted: NewComputeTarget) => sendJson("POST", BASE, wanted);
export const changeComputeTarget = (name: string, change: ComputeChange) =>
  sendJson("PATCH", one(name), change);

/** Forget a target; with `force` its jobs that are not over are ended. */
export async function deleteComputeTarget(name: string, force: boolean): Promise<void> {
  await send(withQuery(one(name), { force: force ? true : null }), { method: "DELETE" });
}
