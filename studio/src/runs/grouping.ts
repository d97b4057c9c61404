/** Which runs are drawn as one line. Pure. */
import type { Run } from "../api/types.ts";
import { columnName } from "./columns.ts";

/** What is not a param or a tag, and yet the same for several runs. */
export const GROUPS_ABOUT = ["status", "user_id", "source"] as const;

function sharedValue(run: Run, kind: string, key: string): string | undefined {
  if (kind === "params") return run.params.get(key);
  if (kind === "tags") return run.tags.get(key);
  if (key === "status") return run.status;
  return key === "source" ? run.tags.get("mlflow.source.name") : run.user;
}

/** The group of a run by a column, as people read it; null where lines are not grouped. */
export function groupOf(run: Run, column: string): string | null {
  const name = columnName(column);
  if (!name || name.kind === "metrics") return null;
  const key = name.key === "user_id" && name.kind === "about" ? "user" : name.key;
  return `${key}: ${sharedValue(run, name.kind, name.key) || "none"}`;
}
