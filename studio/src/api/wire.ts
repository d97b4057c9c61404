/** MLflow's JSON, read into the Studio's words. */
import type {
  ArtifactEntry,
  DatasetInput,
  Experiment,
  LoggedModel,
  Metric,
  ModelVersion,
  RegisteredModel,
  Run,
  RunStatus,
} from "./types.ts";

type Json = Record<string, unknown>;
interface Pair {
  key: string;
  value?: string;
}

/** 64-bit numbers may arrive as strings, and what is unset may be missing. */
const optionalNumber = (value: unknown): number | null =>
  value === undefined || value === null || value === "" ? null : Number(value);
export const text = (value: unknown): string => (value === undefined || value === null ? "" : String(value));
export const list = <T>(value: unknown): T[] => (Array.isArray(value) ? (value as T[]) : []);
export const object = (value: unknown): Json => (value ?? {}) as Json;
const pairs = (value: unknown): Map<string, string> =>
  new Map(list<Pair>(value).map((pair) => [pair.key, pair.value ?? ""]));

export function metricOf(value: Json): Metric {
  return {
    key: text(value.key),
    // NaN and the infinities travel as strings, which Number reads.
    value: Number(value.value ?? 0),
    step: Number(value.step ?? 0),
    timestampMs: Number(value.timestamp ?? 0),
  };
}

export function experimentOf(value: Json): Experiment {
  return {
    experimentId: text(value.experiment_id),
    name: text(value.name),
    artifactLocation: text(value.artifact_location),
    isDeleted: value.lifecycle_stage === "deleted",
    createdMs: optionalNumber(value.creation_time),
    updatedMs: optionalNumber(value.last_update_time),
    tags: pairs(value.tags),
  };
}

function datasetOf(value: Json): DatasetInput {
  const dataset = object(value.dataset);
  return {
    name: text(dataset.name),
    digest: text(dataset.digest),
    sourceType: text(dataset.source_type),
    source: text(dataset.source),
    context: pairs(value.tags).get("mlflow.data.context") ?? "",
  };
}

export function runOf(value: Json): Run {
  const about = object(value.info);
  const content = object(value.data);
  const inputs = object(value.inputs);
  const outputs = object(value.outputs);
  const tags = pairs(content.tags);
  return {
    runId: text(about.run_id),
    name: text(about.run_name) || tags.get("mlflow.runName") || text(about.run_id).slice(0, 8),
    experimentId: text(about.experiment_id),
    status: (text(about.status) || "RUNNING") as RunStatus,
    user: text(about.user_id) || (tags.get("mlflow.user") ?? ""),
    startedMs: optionalNumber(about.start_time),
    endedMs: optionalNumber(about.end_time) || null,
    artifactUri: text(about.artifact_uri),
    isDeleted: about.lifecycle_stage === "deleted",
    metrics: new Map(list<Json>(content.metrics).map((one) => [text(one.key), metricOf(one)])),
    params: pairs(content.params),
    tags,
    datasets: list<Json>(inputs.dataset_inputs).map(datasetOf),
    modelInputs: list<Json>(inputs.model_inputs).map((one) => text(one.model_id)),
    modelOutputs: list<Json>(outputs.model_outputs).map((one) => text(one.model_id)),
  };
}

export function loggedModelOf(value: Json): LoggedModel {
  const about = object(value.info);
  const content = object(value.data);
  return {
    modelId: text(about.model_id),
    experimentId: text(about.experiment_id),
    name: text(about.name),
    status: text(about.status).replace(/^LOGGED_MODEL_/, ""),
    modelType: text(about.model_type),
    sourceRunId: text(about.source_run_id),
    artifactUri: text(about.artifact_uri),
    createdMs: optionalNumber(about.creation_timestamp_ms),
    updatedMs: optionalNumber(about.last_updated_timestamp_ms),
    metrics: list<Json>(content.metrics).map(metricOf),
    params: pairs(content.params),
    tags: pairs(about.tags),
  };
}

export function modelVersionOf(value: Json): ModelVersion {
  return {
    name: text(value.name),
    version: text(value.version),
    description: text(value.description),
    source: text(value.source),
    runId: text(value.run_id),
    modelId: text(value.model_id),
    status: text(value.status),
    user: text(value.user_id),
    createdMs: optionalNumber(value.creation_timestamp),
    updatedMs: optionalNumber(value.last_updated_timestamp),
    aliases: list<string>(value.aliases),
    tags: pairs(value.tags),
  };
}

export function registeredModelOf(value: Json): RegisteredModel {
  // One version of each stage: the newest of them is the newest of all.
  const versions = list<Json>(value.latest_versions).map((version) => Number(version.version ?? 0));
  return {
    name: text(value.name),
    description: text(value.description),
    createdMs: optionalNumber(value.creation_timestamp),
    updatedMs: optionalNumber(value.last_updated_timestamp),
    latestVersion: versions.length > 0 ? String(Math.max(...versions)) : null,
    aliases: new Map(
      list<{ alias: string; version: string }>(value.aliases).map((one) => [one.alias, text(one.version)]),
    ),
    tags: pairs(value.tags),
  };
}

export function artifactOf(value: Json): ArtifactEntry {
  const isFolder = value.is_dir === true;
  return {
    path: text(value.path),
    isFolder,
    byteCount: isFolder ? null : optionalNumber(value.file_size),
  };
}
