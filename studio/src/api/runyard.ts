/** The calls of Runyard's own API. */
import { serverRoot } from "./address.ts";
import { COLUMNS, linesOf } from "./columns.ts";
import { getJson, send, sendJson } from "./transport.ts";
import type { Workspace } from "./types.ts";

export interface ServerFacts {
  product: string;
  version: string;
  mode: "up" | "serve";
  workspace: string;
  has_mlflow_pages: boolean;
}

export const getServer = (signal?: AbortSignal) => getJson<ServerFacts>("api/v1/server", signal);

interface WireWorkspace {
  name: string;
  description?: string | null;
  experiment_count?: number;
  run_count?: number;
  is_default?: boolean;
}

const workspaceOf = (value: WireWorkspace): Workspace => ({
  name: value.name,
  description: value.description ?? "",
  experimentCount: value.experiment_count ?? 0,
  runCount: value.run_count ?? 0,
  isDefault: value.is_default ?? false,
});

export async function listWorkspaces(signal?: AbortSignal): Promise<Workspace[]> {
  const answer = await getJson<{ workspaces: WireWorkspace[] }>("api/v1/workspaces", signal, serverRoot());
  return answer.workspaces.map(workspaceOf);
}

export async function createWorkspace(name: string, description: string): Promise<Workspace> {
  const answer = await sendJson<{ workspace: WireWorkspace }>(
    "POST",
    "api/v1/workspaces",
    { name, description },
    undefined,
    serverRoot(),
  );
  return workspaceOf(answer.workspace);
}

export type XAxis = "step" | "time" | "relative";
/** In JSON, NaN and the infinities travel as strings. */
export type WireNumber = number | string | null;

export interface SeriesQuestion {
  runIds: string[];
  keys: string[];
  x: XAxis;
  start: number | null;
  end: number | null;
  width: number;
}

export interface WireSeries {
  run_id: string;
  key: string;
  point_count: number;
  is_bucketed: boolean;
  x: WireNumber[];
  last: WireNumber[];
  first?: WireNumber[];
  mean?: WireNumber[];
  min?: WireNumber[];
  max?: WireNumber[];
}

export async function readSeries(question: SeriesQuestion, signal?: AbortSignal): Promise<WireSeries[]> {
  const body = {
    run_ids: question.runIds,
    keys: question.keys,
    x: question.x,
    width: question.width,
    ...(question.start === null ? {} : { start: question.start }),
    ...(question.end === null ? {} : { end: question.end }),
  };
  const response = await send("api/v1/series", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: COLUMNS },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
  return linesOf(await response.arrayBuffer());
}
