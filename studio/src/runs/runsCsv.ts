/** The runs table as a file for a spreadsheet or pandas. Pure. */
import type { Run } from "../api/types.ts";
import { csvLine } from "../charts/csv.ts";
import { ABOUT_LABELS, columnId, columnName, type KnownKeys, NAME_COLUMN } from "./columns.ts";

const RUN_ID_COLUMN = "about.run_id";
/** A moment or a length that a program reads as such. */
const moment = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
const seconds = (run: Run) =>
  run.startedMs === null || run.endedMs === null ? null : (run.endedMs - run.startedMs) / 1000;

function aboutOf(run: Run, aspect: string): string | number | null {
  switch (aspect) {
    case "run_id":
      return run.runId;
    case "run_name":
      return run.name;
    case "status":
      return run.status;
    case "start_time":
      return moment(run.startedMs);
    case "end_time":
      return moment(run.endedMs);
    case "duration":
      return seconds(run);
    case "user_id":
      return run.user;
    default:
      return run.tags.get("mlflow.source.name") ?? null;
  }
}

function cellOf(run: Run, id: string): string | number | null {
  const name = columnName(id);
  if (!name) return null;
  if (name.kind === "about") return aboutOf(run, name.key);
  if (name.kind === "metrics") return run.metrics.get(name.key)?.value ?? null;
  return (name.kind === "params" ? run.params : run.tags).get(name.key) ?? null;
}

function titleOf(id: string): string {
  const name = columnName(id);
  if (name?.kind !== "about") return id;
  return name.key === "duration" ? "duration_s" : name.key;
}

/** One run a line: the columns that are shown, in their order, and behind them all others that the runs have. */
export function runsCsv(runs: Run[], shown: string[], known: KnownKeys): string {
  const others = [
    ...Object.keys(ABOUT_LABELS).map((key) => columnId({ kind: "about", key })),
    ...(["metrics", "params", "tags"] as const).flatMap((kind) =>
      known[kind].map((key) => columnId({ kind, key })),
    ),
  ];
  const ids = [...new Set([RUN_ID_COLUMN, NAME_COLUMN, ...shown, ...others])].filter(columnName);
  const lines = runs.map((run) => csvLine(ids.map((id) => cellOf(run, id))));
  return `${[csvLine(ids.map(titleOf)), ...lines].join("\n")}\n`;
}
