/** What people log into a run by hand, and take out of it for good. */
import { fileIn } from "./assets.ts";
import { putFile, type Sent } from "./datastores.ts";
import { sendJson } from "./transport.ts";

const RUNS = "ajax-api/2.0/mlflow/runs/";

/** JSON has no number for these; MLflow's protocol takes their names. */
const wireNumber = (value: number) => (Number.isFinite(value) ? value : String(value));

export const logMetric = (runId: string, key: string, value: number, step: number) =>
  sendJson("POST", `${RUNS}log-metric`, {
    run_id: runId,
    key,
    value: wireNumber(value),
    step,
    timestamp: Date.now(),
  });

export const logParam = (runId: string, key: string, value: string) =>
  sendJson("POST", `${RUNS}log-parameter`, { run_id: runId, key, value });

/** What of a run can be taken out of it. */
export const PART_KINDS = ["metric", "param", "tag", "artifact"] as const;
export type PartKind = (typeof PART_KINDS)[number];

const FIELDS: Record<PartKind, string> = {
  metric: "metric_keys",
  param: "param_keys",
  tag: "tag_keys",
  artifact: "artifact_paths",
};

/** Take a part out of a run, a metric with all its points; there is no way back. */
export const removePart = (runId: string, kind: PartKind, name: string) =>
  sendJson("POST", "api/v1/runs/remove-parts", { run_ids: [runId], [FIELDS[kind]]: [name] });

const SCHEME = "mlflow-artifacts:/";

/** Where the files of a run lie below the workspace; null where the server does not keep them. Pure. */
export const folderOfRun = (artifactUri: string): string | null =>
  artifactUri.startsWith(SCHEME) ? artifactUri.slice(SCHEME.length).replace(/^\/+|\/+$/g, "") : null;

/** Send a file to its path among those of a run; one that is there is replaced. */
export const uploadArtifact = (folder: string, path: string, sent: Sent) =>
  putFile(fileIn(folder, path), sent);
