/** The trash, what uses space, and the rules about both. */
import { getJson, remove, sendJson, withQuery } from "./transport.ts";

export interface Trashed {
  kind: "experiment" | "run" | "logged_model";
  id: string;
  name: string;
  experiment_id: string;
  deleted_ms: number;
}

interface TrashPage {
  items: Trashed[];
  next_page_token: string | null;
}

export const listTrash = (pageToken: string | null, signal?: AbortSignal) =>
  getJson<TrashPage>(withQuery("api/v1/trash", { max_results: 200, page_token: pageToken }), signal);

const RESTORES: Record<Trashed["kind"], [string, string]> = {
  experiment: ["api/v1/experiments/restore", "experiment_ids"],
  run: ["api/v1/runs/restore", "run_ids"],
  logged_model: ["api/v1/logged-models/restore", "model_ids"],
};

export function restore(item: Trashed): Promise<unknown> {
  const [path, name] = RESTORES[item.kind];
  return sendJson("POST", path, { [name]: [item.id] });
}

/** Which of the trash is to go for good. */
export interface Collection {
  older_than_s: number;
  keep_last: number;
  untagged: boolean;
  by_rules: boolean;
}

/** What one call has taken away, or measured, and how to go on. */
export interface Collected {
  experiments: number;
  runs: number;
  logged_models: number;
  datasets: number;
  traces: number;
  trace_bytes: number;
  metric_points: number;
  metric_bytes: number;
  other_bytes: number;
  artifact_files: number;
  artifact_bytes: number;
  is_done: boolean;
  deleted_before_ms: number;
  next_offset: number;
  database_bytes: number;
}

export const collect = (
  wanted: Collection,
  go: { dry_run: boolean; deleted_before_ms?: number; offset?: number },
  signal: AbortSignal,
) => sendJson<Collected>("POST", "api/v1/trash/collect", { ...wanted, ...go }, signal);

export interface RetentionRule {
  experiment_id: string | null;
  older_than_s: number;
  keep_last: number;
  untagged: boolean;
  updated_ms: number;
}

const RULES = "api/v1/retention-rules";

export async function listRules(signal?: AbortSignal): Promise<RetentionRule[]> {
  return (await getJson<{ rules: RetentionRule[] }>(RULES, signal)).rules;
}

export const setRule = (rule: Omit<RetentionRule, "updated_ms">) => sendJson("POST", RULES, rule);

export const removeRule = (rule: RetentionRule) =>
  remove(withQuery(RULES, { experiment_id: rule.experiment_id }));

export interface WorkspaceUsage {
  workspace: string;
  experiments: number;
  deleted_experiments: number;
  runs: number;
  deleted_runs: number;
  logged_models: number;
  deleted_logged_models: number;
  registered_models: number;
  model_versions: number;
  prompts: number;
  prompt_versions: number;
  traces: number;
  evaluation_datasets: number;
  dataset_records: number;
  metric_points: number;
  artifact_files: number;
  artifact_bytes: number;
  deleted_artifact_files: number;
  deleted_artifact_bytes: number;
  logged_model_files: number;
  logged_model_bytes: number;
  registered_files: number;
  registered_bytes: number;
  trace_files: number;
  trace_file_bytes: number;
  /** Beside the artifacts, which all others here are part of. */
  trace_database_bytes: number;
  last_activity_ms: number | null;
  measured_ms: number | null;
}

export interface ExperimentUsage {
  workspace: string;
  experiment_id: string;
  name: string;
  is_deleted: boolean;
  runs: number;
  artifact_files: number;
  artifact_bytes: number;
}

export interface Usage {
  workspaces: WorkspaceUsage[];
  most_runs: ExperimentUsage[];
  most_bytes: ExperimentUsage[];
}

const ofWorkspace = (name: string) => `api/v1/workspaces/${encodeURIComponent(name)}`;

/** What a workspace holds, or without one, as an administrator, the whole server. */
export const getUsage = (workspace: string | null, signal?: AbortSignal) =>
  getJson<Usage>(workspace === null ? "api/v1/usage" : `${ofWorkspace(workspace)}/usage`, signal);

export const LIMITS = ["max_runs", "max_experiments", "max_artifact_bytes", "max_metric_points"] as const;
export type Limit = (typeof LIMITS)[number];

export interface Quota {
  workspace: string;
  /** What was set for this workspace; null where the server's settings hold, 0 for no limit. */
  quota: Record<Limit, number | null>;
  /** What comes of it. */
  limits: Record<string, number>;
  used: Record<string, number>;
}

export const getQuota = (workspace: string, signal?: AbortSignal) =>
  getJson<Quota>(`${ofWorkspace(workspace)}/quota`, signal);

export const setQuota = (workspace: string, quota: Quota["quota"]) =>
  sendJson<Quota>("PUT", `${ofWorkspace(workspace)}/quota`, quota);
