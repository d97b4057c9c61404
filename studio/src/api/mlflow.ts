/** The calls of MLflow's protocol that the Studio makes. */
import { filePath as datastoreFilePath } from "./datastores.ts";
import { codeEntries, codePath, listCode } from "./jobs.ts";
import { getJson, Refused, send, sendJson, withQuery } from "./transport.ts";
import type { ArtifactEntry, Experiment, LoggedModel, Page, Run } from "./types.ts";
import { artifactOf, experimentOf, loggedModelOf, runOf } from "./wire.ts";

const MLFLOW = "ajax-api/2.0/mlflow/";
type Json = Record<string, unknown>;

export type Lifecycle = "ACTIVE_ONLY" | "DELETED_ONLY" | "ALL";

export async function searchExperiments(
  question: { filter: string; lifecycle: Lifecycle; pageToken: string | null; orderBy: string[] },
  signal?: AbortSignal,
): Promise<Page<Experiment>> {
  const body = {
    max_results: 200,
    view_type: question.lifecycle,
    order_by: question.orderBy,
    ...(question.filter ? { filter: question.filter } : {}),
    ...(question.pageToken ? { page_token: question.pageToken } : {}),
  };
  const answer = await sendJson<{ experiments?: Json[]; next_page_token?: string }>(
    "POST",
    `${MLFLOW}experiments/search`,
    body,
    signal,
  );
  return { items: (answer.experiments ?? []).map(experimentOf), nextToken: answer.next_page_token || null };
}

export async function getExperiment(experimentId: string, signal?: AbortSignal): Promise<Experiment> {
  const query = new URLSearchParams({ experiment_id: experimentId });
  const answer = await getJson<{ experiment: Json }>(`${MLFLOW}experiments/get?${query}`, signal);
  return experimentOf(answer.experiment);
}

export async function createExperiment(name: string): Promise<string> {
  const answer = await sendJson<{ experiment_id: string }>("POST", `${MLFLOW}experiments/create`, { name });
  return answer.experiment_id;
}

/** The id of the experiment of a name; it is made if need be. */
export async function experimentNamed(name: string): Promise<string> {
  const query = new URLSearchParams({ experiment_name: name });
  try {
    const answer = await getJson<{ experiment: Json }>(`${MLFLOW}experiments/get-by-name?${query}`);
    return experimentOf(answer.experiment).experimentId;
  } catch (error) {
    if (!(error instanceof Refused && error.status === 404)) throw error;
    return createExperiment(name);
  }
}

export const deleteExperiment = (experimentId: string) =>
  sendJson<Json>("POST", `${MLFLOW}experiments/delete`, { experiment_id: experimentId });
export const restoreExperiment = (experimentId: string) =>
  sendJson<Json>("POST", `${MLFLOW}experiments/restore`, { experiment_id: experimentId });
export const renameExperiment = (experimentId: string, name: string) =>
  sendJson<Json>("POST", `${MLFLOW}experiments/update`, { experiment_id: experimentId, new_name: name });

export interface RunQuestion {
  experimentIds: string[];
  filter: string;
  lifecycle: Lifecycle;
  orderBy: string[];
  limit: number;
  pageToken: string | null;
}

export async function searchRuns(question: RunQuestion, signal?: AbortSignal): Promise<Page<Run>> {
  const body = {
    experiment_ids: question.experimentIds,
    filter: question.filter,
    run_view_type: question.lifecycle,
    order_by: question.orderBy,
    max_results: question.limit,
    ...(question.pageToken ? { page_token: question.pageToken } : {}),
  };
  const answer = await sendJson<{ runs?: Json[]; next_page_token?: string }>(
    "POST",
    `${MLFLOW}runs/search`,
    body,
    signal,
  );
  return { items: (answer.runs ?? []).map(runOf), nextToken: answer.next_page_token || null };
}

export async function getRun(runId: string, signal?: AbortSignal): Promise<Run> {
  const answer = await getJson<{ run: Json }>(
    `${MLFLOW}runs/get?${new URLSearchParams({ run_id: runId })}`,
    signal,
  );
  return runOf(answer.run);
}

export const deleteRun = (runId: string) => sendJson<Json>("POST", `${MLFLOW}runs/delete`, { run_id: runId });
export const restoreRun = (runId: string) =>
  sendJson<Json>("POST", `${MLFLOW}runs/restore`, { run_id: runId });
export const deleteRuns = (runIds: string[]) => sendJson("POST", "api/v1/runs/delete", { run_ids: runIds });
export const restoreRuns = (runIds: string[]) => sendJson("POST", "api/v1/runs/restore", { run_ids: runIds });
export const renameRun = (runId: string, name: string) =>
  sendJson<Json>("POST", `${MLFLOW}runs/update`, { run_id: runId, run_name: name });
export const setRunTag = (runId: string, key: string, value: string) =>
  sendJson<Json>("POST", `${MLFLOW}runs/set-tag`, { run_id: runId, key, value });

export async function getLoggedModel(modelId: string, signal?: AbortSignal): Promise<LoggedModel> {
  const answer = await getJson<{ model: Json }>(
    `${MLFLOW}logged-models/${encodeURIComponent(modelId)}`,
    signal,
  );
  return loggedModelOf(answer.model);
}

/** Where files come from: the folder of a run, of a logged model, of a version of a registered one; a job's code. */
export type ArtifactOwner =
  | { kind: "run"; runId: string }
  | { kind: "code"; sha256: string }
  | { kind: "model"; modelId: string }
  | { kind: "version"; name: string; version: string };

type FolderOwner = Exclude<ArtifactOwner, { kind: "code" }>;

/** What a single file may be of. */
export type FileOwner = ArtifactOwner | { kind: "datastore"; name: string };

function listingPath(owner: FolderOwner, folder: string, pageToken: string | null): string {
  const query = new URLSearchParams(pageToken ? { page_token: pageToken } : {});
  if (owner.kind === "run") {
    query.set("run_id", owner.runId);
    if (folder) query.set("path", folder);
    return `${MLFLOW}artifacts/list?${query}`;
  }
  if (owner.kind === "version") {
    return withQuery("api/v1/model-versions/files", {
      name: owner.name,
      version: owner.version,
      path: folder,
    });
  }
  if (folder) query.set("artifact_directory_path", folder);
  return `${MLFLOW}logged-models/${encodeURIComponent(owner.modelId)}/artifacts/directories?${query}`;
}

export async function listArtifacts(
  owner: ArtifactOwner,
  folder: string,
  signal?: AbortSignal,
): Promise<ArtifactEntry[]> {
  if (owner.kind === "code") return codeEntries((await listCode(owner.sha256)).files, folder);
  const entries: ArtifactEntry[] = [];
  let pageToken: string | null = null;
  do {
    const answer: { files?: Json[]; next_page_token?: string } = await getJson(
      listingPath(owner, folder, pageToken),
      signal,
    );
    entries.push(...(answer.files ?? []).map(artifactOf));
    pageToken = answer.next_page_token || null;
  } while (pageToken);
  return entries;
}

function filePath(owner: FileOwner, path: string): string {
  if (owner.kind === "run") return `get-artifact?${new URLSearchParams({ run_uuid: owner.runId, path })}`;
  if (owner.kind === "code") return codePath(owner.sha256, path);
  if (owner.kind === "datastore") return datastoreFilePath(owner.name, path);
  if (owner.kind === "version") {
    return withQuery("model-versions/get-artifact", { name: owner.name, version: owner.version, path });
  }
  const query = new URLSearchParams({ artifact_file_path: path });
  return `${MLFLOW}logged-models/${encodeURIComponent(owner.modelId)}/artifacts/files?${query}`;
}

/** Get a file, or of one that is longer its first bytes. */
export async function fetchArtifact(
  owner: FileOwner,
  path: string,
  signal?: AbortSignal,
  mostBytes?: number,
): Promise<Blob> {
  const response = await send(filePath(owner, path), {
    ...(signal ? { signal } : {}),
    ...(mostBytes ? { headers: { Range: `bytes=0-${mostBytes - 1}` } } : {}),
  });
  return response.blob();
}
