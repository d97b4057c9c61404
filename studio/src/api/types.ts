/** The Studio's own words for what the server answers. MLflow's words stop at `wire.ts`. */

export type RunStatus = "RUNNING" | "SCHEDULED" | "FINISHED" | "FAILED" | "KILLED";

export interface Experiment {
  experimentId: string;
  name: string;
  artifactLocation: string;
  isDeleted: boolean;
  createdMs: number | null;
  updatedMs: number | null;
  tags: Map<string, string>;
}

export interface Metric {
  key: string;
  value: number;
  step: number;
  timestampMs: number;
}

export interface DatasetInput {
  name: string;
  digest: string;
  sourceType: string;
  source: string;
  context: string;
}

export interface Run {
  runId: string;
  name: string;
  experimentId: string;
  status: RunStatus;
  user: string;
  startedMs: number | null;
  endedMs: number | null;
  artifactUri: string;
  isDeleted: boolean;
  metrics: Map<string, Metric>;
  params: Map<string, string>;
  tags: Map<string, string>;
  datasets: DatasetInput[];
  modelInputs: string[];
  modelOutputs: string[];
}

export interface LoggedModel {
  modelId: string;
  experimentId: string;
  name: string;
  status: string;
  modelType: string;
  sourceRunId: string;
  artifactUri: string;
  createdMs: number | null;
  updatedMs: number | null;
  metrics: Metric[];
  params: Map<string, string>;
  tags: Map<string, string>;
}

/** A version of a registered model, or of a prompt. */
export interface ModelVersion {
  name: string;
  version: string;
  description: string;
  source: string;
  runId: string;
  modelId: string;
  status: string;
  user: string;
  createdMs: number | null;
  updatedMs: number | null;
  aliases: string[];
  tags: Map<string, string>;
}

export interface RegisteredModel {
  name: string;
  description: string;
  createdMs: number | null;
  updatedMs: number | null;
  /** The newest version, if there is one. */
  latestVersion: string | null;
  /** Alias -> version. */
  aliases: Map<string, string>;
  tags: Map<string, string>;
}

export interface ArtifactEntry {
  path: string;
  isFolder: boolean;
  byteCount: number | null;
}

export interface Workspace {
  name: string;
  description: string;
  experimentCount: number;
  runCount: number;
  isDefault: boolean;
}

export interface Page<T> {
  items: T[];
  nextToken: string | null;
}
