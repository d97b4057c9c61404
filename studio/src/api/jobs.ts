/** Jobs and their code, in the words of Runyard's own API. */
import { prefix } from "./address.ts";
import type { Environment } from "./assets.ts";
import { getJson, sendJson, withQuery } from "./transport.ts";
import type { ArtifactEntry } from "./types.ts";

export const JOB_STATUSES = [
  "queued",
  "starting",
  "preparing",
  "running",
  "lost",
  "completed",
  "failed",
  "canceled",
] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** Where files lie: in a datastore, or, without one, among those of the workspace. */
export interface DataPlace {
  path: string;
  datastore: string;
}

export interface Job {
  run_id: string;
  run_name: string;
  experiment_id: string;
  compute: string;
  status: JobStatus;
  attempt: number;
  max_attempts: number;
  priority: number;
  slots: number;
  snapshot: string;
  script: string;
  arguments: string[];
  command: string[];
  environment_name: string;
  environment_version: number;
  variables: Record<string, string>;
  max_duration_s: number;
  is_azureml: boolean;
  inputs: Record<string, { places: DataPlace[]; asset_id: string }>;
  outputs: Record<string, { datastore: string; path: string; overwrite: boolean }>;
  submitted_ms: number;
  submitted_by: string;
  started_ms: number | null;
  ended_ms: number | null;
  is_cancel_requested: boolean;
  exit_code: number | null;
  reason: string;
  host: string;
  position: number | null;
  waits_for: string;
}

/** What a job has around it; parts that say nothing may be missing. */
export type JobEnvironment = Partial<Pick<Environment, "name" | "python" | "docker" | "variables">> & {
  version?: number | null;
};

export interface JobWithEnvironment {
  job: Job;
  environment: JobEnvironment | null;
}

export interface JobQuestion {
  statuses: string;
  compute: string;
  experimentId: string;
  text: string;
  /** As `duration_ms DESC`; the latest submitted come first without it. */
  orderBy?: string;
}

interface JobsPage {
  jobs: Job[];
  next_page_token: string | null;
}

const BASE = "api/v1/jobs";
const one = (runId: string) => `${BASE}/${encodeURIComponent(runId)}`;

export const listJobs = (
  question: JobQuestion,
  limit: number,
  pageToken: string | null,
  signal?: AbortSignal,
) =>
  getJson<JobsPage>(
    withQuery(BASE, {
      statuses: question.statuses,
      compute: question.compute,
      experiment_id: question.experimentId,
      text: question.text,
      order_by: question.orderBy ?? null,
      max_results: limit,
      page_token: pageToken,
    }),
    signal,
  );

export const getJob = (runId: string, signal?: AbortSignal) =>
  getJson<JobWithEnvironment>(one(runId), signal);
export const cancelJob = (runId: string) => sendJson<JobWithEnvironment>("POST", `${one(runId)}/cancel`, {});

export interface CodeFile {
  path: string;
  size_bytes: number;
  is_executable: boolean;
}

export interface CodeListing {
  files: CodeFile[];
  is_cut: boolean;
}

const snapshotAt = (sha256: string) => `api/v1/snapshots/${encodeURIComponent(sha256)}`;
export const snapshotAddress = (sha256: string) => `${prefix()}${snapshotAt(sha256)}/content`;
export const codePath = (sha256: string, path: string) =>
  `${snapshotAt(sha256)}/files/${path.split("/").map(encodeURIComponent).join("/")}`;

let kept: { sha256: string; listing: Promise<CodeListing> } | null = null;

/** All files of a job's code. It never changes, so the one that was asked for last is not asked for again. */
export function listCode(sha256: string): Promise<CodeListing> {
  if (kept?.sha256 !== sha256) {
    const listing = getJson<CodeListing>(`${snapshotAt(sha256)}/files`);
    listing.catch(() => {
      kept = null;
    });
    kept = { sha256, listing };
  }
  return kept.listing;
}

/** What lies directly in a folder of a job's code: folders first, each by name. Pure. */
export function codeEntries(files: CodeFile[], folder: string): ArtifactEntry[] {
  const start = folder ? `${folder}/` : "";
  const found = new Map<string, ArtifactEntry>();
  for (const { path, size_bytes: byteCount } of files) {
    if (!path.startsWith(start)) continue;
    const [name = "", ...below] = path.slice(start.length).split("/");
    const isFolder = below.length > 0;
    found.set(name, { path: start + name, isFolder, byteCount: isFolder ? null : byteCount });
  }
  return [...found.values()].sort(
    (a, b) => Number(b.isFolder) - Number(a.isFolder) || (a.path < b.path ? -1 : 1),
  );
}
