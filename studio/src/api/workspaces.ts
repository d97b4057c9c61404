/** Workspaces as a whole, in the words of Runyard's own API. */
import { serverRoot } from "./address.ts";
import { getJson, send, sendJson, withQuery } from "./transport.ts";

export interface WorkspaceFacts {
  name: string;
  description: string;
  tags: Record<string, string>;
  created_ms: number;
  subscription_id: string;
  resource_group: string;
  experiment_count: number;
  run_count: number;
  is_default: boolean;
}

const one = (name: string) => `api/v1/workspaces/${encodeURIComponent(name)}`;

/** Asked of the workspace itself: a role in it is enough. */
export async function getWorkspace(name: string, signal?: AbortSignal): Promise<WorkspaceFacts> {
  const base = `${serverRoot()}workspaces/${encodeURIComponent(name)}/`;
  const answer = await getJson<{ workspace: WorkspaceFacts }>(one(name), signal, base);
  return answer.workspace;
}

export const describeWorkspace = (name: string, description: string) =>
  sendJson(
    "PATCH",
    `api/3.0/mlflow/workspaces/${encodeURIComponent(name)}`,
    { description },
    undefined,
    serverRoot(),
  );

/** Delete a workspace with all that it holds: each call works for a second or so and tells whether all is gone. */
export async function deleteWorkspace(name: string, onCall: (calls: number) => void): Promise<void> {
  for (let calls = 1; ; calls++) {
    const path = withQuery(one(name), { confirm: name });
    const answer = await send(path, { method: "DELETE" }, serverRoot());
    if (((await answer.json()) as { is_done: boolean }).is_done) return;
    onCall(calls);
  }
}
