/** The calls of MLflow's third API about evaluation datasets and scorers that the Studio makes. */
import { parsed } from "./traceWire.ts";
import { getJson, remove, send, sendJson, withQuery } from "./transport.ts";
import type { Page } from "./types.ts";
import { list, object, text } from "./wire.ts";

const DATASETS = "ajax-api/3.0/mlflow/datasets";
const SCORERS = "ajax-api/3.0/mlflow/scorers";
type Json = Record<string, unknown>;

export interface EvaluationDataset {
  datasetId: string;
  name: string;
  digest: string;
  recordCount: number;
  createdMs: number;
  updatedMs: number;
  createdBy: string;
  tags: Map<string, string>;
}

export interface DatasetRecord {
  recordId: string;
  inputs: unknown;
  outputs: unknown;
  expectations: unknown;
  tags: unknown;
  sourceType: string;
  /** The trace that it was made of, if it was. */
  traceId: string;
  createdMs: number;
}

export interface ScorerVersion {
  name: string;
  version: number;
  /** What its client wrote down of it. */
  written: Json;
  createdMs: number;
}

const datasetOf = (value: Json): EvaluationDataset => ({
  datasetId: text(value.dataset_id),
  name: text(value.name),
  digest: text(value.digest),
  recordCount: Number(object(parsed(value.profile)).num_records ?? 0),
  createdMs: Number(value.created_time),
  updatedMs: Number(value.last_update_time),
  createdBy: text(value.created_by),
  tags: new Map(Object.entries(object(parsed(value.tags))).map(([key, one]) => [key, text(one)])),
});

const recordOf = (value: Json): DatasetRecord => ({
  recordId: text(value.dataset_record_id),
  inputs: value.inputs,
  outputs: value.outputs,
  expectations: value.expectations,
  tags: value.tags,
  sourceType: text(value.source_type),
  traceId: text(object(object(value.source).source_data).trace_id),
  createdMs: Number(value.created_time),
});

const scorerOf = (value: Json): ScorerVersion => ({
  name: text(value.scorer_name),
  version: Number(value.scorer_version),
  written: object(parsed(value.serialized_scorer)),
  createdMs: Number(value.creation_time),
});

export async function searchDatasets(
  experimentId: string,
  pageToken: string | null,
  signal?: AbortSignal,
): Promise<Page<EvaluationDataset>> {
  const answer = await sendJson<{ datasets?: Json[]; next_page_token?: string }>(
    "POST",
    `${DATASETS}/search`,
    {
      experiment_ids: [experimentId],
      max_results: 50,
      order_by: ["last_update_time DESC"],
      ...(pageToken ? { page_token: pageToken } : {}),
    },
    signal,
  );
  return { items: (answer.datasets ?? []).map(datasetOf), nextToken: answer.next_page_token || null };
}

const pathOf = (datasetId: string) => `${DATASETS}/${encodeURIComponent(datasetId)}`;

export async function getDataset(datasetId: string, signal?: AbortSignal): Promise<EvaluationDataset> {
  return datasetOf((await getJson<{ dataset: Json }>(pathOf(datasetId), signal)).dataset);
}

export async function listRecords(
  datasetId: string,
  pageToken: string | null,
  signal?: AbortSignal,
): Promise<Page<DatasetRecord>> {
  const path = withQuery(`${pathOf(datasetId)}/records`, { max_results: 50, page_token: pageToken });
  const answer = await getJson<{ records: string; next_page_token?: string }>(path, signal);
  return {
    items: list<Json>(parsed(answer.records)).map(recordOf),
    nextToken: answer.next_page_token || null,
  };
}

export const deleteDataset = (datasetId: string) => remove(pathOf(datasetId));

export async function deleteRecords(datasetId: string, recordIds: string[]): Promise<void> {
  await send(`${pathOf(datasetId)}/records`, {
    method: "DELETE",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ dataset_record_ids: recordIds }),
  });
}

/** The scorers of an experiment, of each the last version. */
export async function listScorers(experimentId: string, signal?: AbortSignal): Promise<ScorerVersion[]> {
  const path = withQuery(`${SCORERS}/list`, { experiment_id: experimentId });
  return ((await getJson<{ scorers?: Json[] }>(path, signal)).scorers ?? []).map(scorerOf);
}

/** All versions of a scorer, the last one first. */
export async function listScorerVersions(
  experimentId: string,
  name: string,
  signal?: AbortSignal,
): Promise<ScorerVersion[]> {
  const path = withQuery(`${SCORERS}/versions`, { experiment_id: experimentId, name });
  const answer = await getJson<{ scorers?: Json[] }>(path, signal);
  return (answer.scorers ?? []).map(scorerOf).sort((a, b) => b.version - a.version);
}

/** Delete a version of a scorer, or without one all of it. */
export const deleteScorer = (experimentId: string, name: string, version: number | null) =>
  remove(withQuery(`${SCORERS}/delete`, { experiment_id: experimentId, name, version }));
