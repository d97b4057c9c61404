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
  /** Since when it has not answered the server, if it was needed since. */
  unreachable_since_ms?: number | null;
  unreachable_reason?: string;
}

/** How a target is reached, and with what; a credential that is left out stays as it is. */
export interface Reached {
  settings: Record<string, unknown>;
  credential?: Record<string, string>;
  skip_validation: boolean;
}

export interface NewComputeTarget extends Partial<Reached> {
  name: string;
  kind: string;
  slots: number;
  description: string;
  tags: Record<string, string>;
}

export type ComputeChange = Partial<Reached> &
  Partial<Pick<ComputeTarget, "slots" | "is_paused" | "description" | "tags">>;

/** As much of JSON Schema as the settings of a kind are told in. */
export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  type?: string;
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  default?: unknown;
  description?: string;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
}

export interface CredentialPart {
  name: string;
  hint: string;
  has_lines: boolean;
}

/** What a target may be, and what must be said to make one. */
export interface TargetKind {
  name: string;
  title: string;
  summary: string;
  settings: Schema;
  credential: CredentialPart[];
}

const BASE = "api/v1/compute";
const one = (name: string) => `${BASE}/${encodeURIComponent(name)}`;

export async function listComputeTargets(signal?: AbortSignal): Promise<ComputeTarget[]> {
  return (await getJson<{ compute_targets: ComputeTarget[] }>(BASE, signal)).compute_targets;
}

export async function getComputeTarget(name: string, signal?: AbortSignal): Promise<ComputeTarget> {
  return (await getJson<{ compute_target: ComputeTarget }>(one(name), signal)).compute_target;
}

export async function listTargetKinds(signal?: AbortSignal): Promise<TargetKind[]> {
  return (await getJson<{ kinds: TargetKind[] }>("api/v1/compute-kinds", signal)).kinds;
}

export const createComputeTarget = (wanted: NewComputeTarget) => sendJson("POST", BASE, wanted);
export const changeComputeTarget = (name: string, change: ComputeChange) =>
  sendJson("PATCH", one(name), change);

/** Forget a target; with `force` its jobs that are not over are ended. */
export async function deleteComputeTarget(name: string, force: boolean): Promise<void> {
  await send(withQuery(one(name), { force: force ? true : null }), { method: "DELETE" });
}
