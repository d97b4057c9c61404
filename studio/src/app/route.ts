import { REGISTRY_KINDS, type RegistryKind } from "../api/registry.ts";

/** Which screen a hash names. MLflow's clients print such hashes, so their tails must open something. */
export type Route =
  | { screen: "experiments" }
  | { screen: "experiment"; experimentId: string }
  | { screen: "run"; experimentId: string; runId: string; tab: RunTab; artifactPath: string }
  | { screen: "model"; experimentId: string; modelId: string; artifactPath: string }
  | { screen: "traces"; experimentId: string }
  | { screen: "trace"; experimentId: string; traceId: string }
  | { screen: "sessions"; experimentId: string }
  | { screen: "session"; experimentId: string; sessionId: string }
  | { screen: "evaluationDatasets"; experimentId: string }
  | { screen: "evaluationDataset"; experimentId: string; datasetId: string }
  | { screen: "evaluationRuns"; experimentId: string }
  | { screen: "scorers"; experimentId: string }
  | { screen: "scorer"; experimentId: string; name: string }
  | { screen: "registry"; kind: RegistryKind }
  | { screen: "registeredModel"; kind: RegistryKind; name: string }
  | { screen: "modelVersion"; kind: RegistryKind; name: string; version: string; artifactPath: string }
  | { screen: "datastores" }
  | { screen: "datastore"; name: string; folder: string }
  | { screen: "assets" }
  | { screen: "asset"; name: string; version: string | null }
  | { screen: "environments" }
  | { screen: "environment"; name: string; version: string | null }
  | { screen: "jobs" }
  | { screen: "job"; runId: string }
  | { screen: "sweeps" }
  | { screen: "sweep"; runId: string }
  | { screen: "compute" }
  | { screen: "computeTarget"; name: string }
  | { screen: "workspaces" }
  | { screen: "workspace"; name: string }
  | { screen: "share"; experimentId: string }
  | { screen: "admin"; section: string }
  | { screen: "keys" }
  | { screen: "device" }
  | { screen: "unknown" };

export const RUN_TABS = [
  "overview",
  "metrics",
  "logs",
  "code",
  "environment",
  "traces",
  "artifacts",
] as const;
export type RunTab = (typeof RUN_TABS)[number];

/** What MLflow's own pages call their tabs. */
const TAB_NAMES: Record<string, RunTab> = {
  overview: "overview",
  metrics: "metrics",
  "model-metrics": "metrics",
  "system-metrics": "metrics",
  logs: "logs",
  code: "code",
  environment: "environment",
  traces: "traces",
  artifacts: "artifacts",
};

/** Tabs behind which the path of a file may stand. */
const TABS_OF_FILES: readonly RunTab[] = ["artifacts", "code"];

export interface Place {
  segments: string[];
  query: URLSearchParams;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Split `#/a/b?x=1` into its path segments and its query. */
export function placeOf(hash: string): Place {
  const text = hash.replace(/^#/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  return {
    segments: path.split("/").filter(Boolean).map(decoded),
    query: new URLSearchParams(mark < 0 ? "" : text.slice(mark + 1)),
  };
}

/** MLflow's own addresses of the registry: `#/models/NAME/versions/3`. */
function registryRouteOf(kind: RegistryKind, [name, word, version, tab, ...rest]: string[]): Route {
  if (name === undefined) return { screen: "registry", kind };
  if (word !== "versions" || version === undefined) return { screen: "registeredModel", kind, name };
  const artifactPath = tab === "artifacts" ? rest.join("/") : "";
  return { screen: "modelVersion", kind, name, version, artifactPath };
}

/** `versions/3` behind the name of what has versions; null is the latest. */
const versionOf = ([word, version]: string[]) => (word === "versions" ? (version ?? null) : null);

/** `#/data`, and a folder of a datastore: `#/data/datastores/NAME/raw/2026`. */
function dataRouteOf([kind, name, ...rest]: string[]): Route {
  if (kind === "assets") {
    return name === undefined ? { screen: "assets" } : { screen: "asset", name, version: versionOf(rest) };
  }
  if (kind !== undefined && kind !== "datastores") return { screen: "unknown" };
  if (name === undefined) return { screen: "datastores" };
  return { screen: "datastore", name, folder: rest.join("/") };
}

/** The parts of an experiment that are lists, by MLflow's own words in the address. */
function experimentRouteOf(experimentId: string, kind: string | undefined, id: string | undefined): Route {
  switch (kind) {
    case "share":
      return { screen: "share", experimentId };
    case "traces":
      return id === undefined
        ? { screen: "traces", experimentId }
        : { screen: "trace", experimentId, traceId: id };
    case "chat-sessions":
      return id === undefined
        ? { screen: "sessions", experimentId }
        : { screen: "session", experimentId, sessionId: id };
    case "datasets":
      return id === undefined
        ? { screen: "evaluationDatasets", experimentId }
        : { screen: "evaluationDataset", experimentId, datasetId: id };
    case "evaluation-runs":
      return { screen: "evaluationRuns", experimentId };
    case "judges":
      return id === undefined
        ? { screen: "scorers", experimentId }
        : { screen: "scorer", experimentId, name: id };
    default:
      return { screen: "experiment", experimentId };
  }
}

export function routeOf(segments: string[]): Route {
  const [root, experimentId, kind, id, tab, ...rest] = segments;
  if (root === undefined || (root === "experiments" && experimentId === undefined)) {
    return { screen: "experiments" };
  }
  const registry = REGISTRY_KINDS.find((one) => one === root);
  if (registry) return registryRouteOf(registry, segments.slice(1));
  if (root === "data") return dataRouteOf(segments.slice(1));
  if (root === "environments") {
    const [name, ...tail] = segments.slice(1);
    return name === undefined
      ? { screen: "environments" }
      : { screen: "environment", name, version: versionOf(tail) };
  }
  if (root === "jobs") {
    return experimentId === undefined ? { screen: "jobs" } : { screen: "job", runId: experimentId };
  }
  if (root === "sweeps") {
    return experimentId === undefined ? { screen: "sweeps" } : { screen: "sweep", runId: experimentId };
  }
  if (root === "compute") {
    return experimentId === undefined
      ? { screen: "compute" }
      : { screen: "computeTarget", name: experimentId };
  }
  if (root === "workspaces") {
    return experimentId === undefined
      ? { screen: "workspaces" }
      : { screen: "workspace", name: experimentId };
  }
  if (root === "admin") return { screen: "admin", section: experimentId ?? "" };
  if (root === "keys" || root === "device") return { screen: root };
  if (root !== "experiments" || experimentId === undefined) return { screen: "unknown" };
  if (kind === "runs" && id !== undefined) {
    const known = TAB_NAMES[tab ?? "overview"] ?? "overview";
    const artifactPath = TABS_OF_FILES.includes(known) ? rest.join("/") : "";
    return { screen: "run", experimentId, runId: id, tab: known, artifactPath };
  }
  if (kind === "models" && id !== undefined) {
    return {
      screen: "model",
      experimentId,
      modelId: id,
      artifactPath: tab === "artifacts" ? rest.join("/") : "",
    };
  }
  return experimentRouteOf(experimentId, kind, id);
}

const pathTo = (...segments: string[]) => `#/${segments.map(encodeURIComponent).join("/")}`;

export const experimentsHash = () => "#/experiments";
export const experimentHash = (experimentId: string) => pathTo("experiments", experimentId);
export const tracesHash = (experimentId: string) => pathTo("experiments", experimentId, "traces");
export const traceHash = (experimentId: string, traceId: string) =>
  pathTo("experiments", experimentId, "traces", traceId);
export const sessionsHash = (experimentId: string) => pathTo("experiments", experimentId, "chat-sessions");
export const sessionHash = (experimentId: string, sessionId: string) =>
  pathTo("experiments", experimentId, "chat-sessions", sessionId);
export const evaluationDatasetsHash = (experimentId: string) =>
  pathTo("experiments", experimentId, "datasets");
export const evaluationDatasetHash = (experimentId: string, datasetId: string) =>
  pathTo("experiments", experimentId, "datasets", datasetId);
/** Two runs of an experiment side by side, where they are said. */
export function evaluationRunsHash(experimentId: string, left = "", right = ""): string {
  const path = pathTo("experiments", experimentId, "evaluation-runs");
  if (!left || !right) return path;
  return `${path}?${new URLSearchParams({ selectedRunUuid: left, compareToRunUuid: right })}`;
}
export const scorersHash = (experimentId: string) => pathTo("experiments", experimentId, "judges");
export const scorerHash = (experimentId: string, name: string) =>
  pathTo("experiments", experimentId, "judges", name);
export const registryHash = (kind: RegistryKind = "models") => pathTo(kind);
export const registeredModelHash = (kind: RegistryKind, name: string) => pathTo(kind, name);
export const modelVersionHash = (kind: RegistryKind, name: string, version: string, artifactPath = "") =>
  pathTo(
    kind,
    name,
    "versions",
    version,
    ...(artifactPath ? ["artifacts", ...artifactPath.split("/").filter(Boolean)] : []),
  );
export const datastoresHash = () => pathTo("data");
export const datastoreHash = (name: string, folder = "") =>
  pathTo("data", "datastores", name, ...folder.split("/").filter(Boolean));
/** A file's folder, with the file over it. */
export function datastoreFileHash(name: string, path: string): string {
  const at = path.lastIndexOf("/");
  const query = new URLSearchParams({ file: path.slice(at + 1) });
  return `${datastoreHash(name, path.slice(0, Math.max(at, 0)))}?${query}`;
}
const versionTail = (version?: number) => (version === undefined ? [] : ["versions", String(version)]);
export const assetsHash = () => pathTo("data", "assets");
export const assetHash = (name: string, version?: number) =>
  pathTo("data", "assets", name, ...versionTail(version));
export const environmentsHash = () => pathTo("environments");
export const environmentHash = (name: string, version?: number) =>
  pathTo("environments", name, ...versionTail(version));
/** All jobs, or with a query some of them. */
export const jobsHash = (query: Record<string, string> = {}) =>
  pathTo("jobs") + (Object.keys(query).length > 0 ? `?${new URLSearchParams(query)}` : "");
export const jobHash = (runId: string) => pathTo("jobs", runId);
/** All sweeps, or with a query some of them. */
export const sweepsHash = (query: Record<string, string> = {}) =>
  pathTo("sweeps") + (Object.keys(query).length > 0 ? `?${new URLSearchParams(query)}` : "");
export const sweepHash = (runId: string) => pathTo("sweeps", runId);
export const computeHash = () => pathTo("compute");
export const computeTargetHash = (name: string) => pathTo("compute", name);
export const workspacesHash = () => pathTo("workspaces");
export const workspaceHash = (name: string) => pathTo("workspaces", name);
export const shareHash = (experimentId: string) => pathTo("experiments", experimentId, "share");
export const adminHash = (section = "") => pathTo("admin", ...(section ? [section] : []));
export const keysHash = () => "#/keys";
export const runHash = (experimentId: string, runId: string, tab: RunTab = "overview", artifactPath = "") =>
  pathTo(
    "experiments",
    experimentId,
    "runs",
    runId,
    ...(tab === "overview" ? [] : [tab]),
    ...artifactPath.split("/").filter(Boolean),
  );
export const modelHash = (experimentId: string, modelId: string, artifactPath = "") =>
  pathTo(
    "experiments",
    experimentId,
    "models",
    modelId,
    ...(artifactPath ? ["artifacts", ...artifactPath.split("/").filter(Boolean)] : []),
  );
