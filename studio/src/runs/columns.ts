/** The columns of the runs table: their names in the address, what they show, how the server sorts by them. Pure. */
import { quotedKey } from "../api/grammar.ts";
import type { Run } from "../api/types.ts";

export type ColumnKind = "about" | "metrics" | "params" | "tags";

export interface ColumnName {
  kind: ColumnKind;
  key: string;
}

/** What every run has, by the words of MLflow's order_by. */
export const ABOUT_LABELS: Record<string, string> = {
  run_name: "Run",
  status: "Status",
  start_time: "Started",
  duration: "Duration",
  end_time: "Ended",
  user_id: "User",
  source: "Source",
  run_id: "Run ID",
};

/** The server can't sort by what it does not keep as such. */
const UNSORTABLE = new Set(["duration"]);
const SHOWN_AT_FIRST = 8;
const HIDDEN_TAGS = "mlflow.";

export const NAME_COLUMN = "about.run_name";

export const columnId = ({ kind, key }: ColumnName) => `${kind}.${key}`;

export function columnName(id: string): ColumnName | null {
  const dot = id.indexOf(".");
  const kind = id.slice(0, dot);
  const key = id.slice(dot + 1);
  if (dot < 0 || key === "") return null;
  if (kind === "about") return key in ABOUT_LABELS ? { kind, key } : null;
  return kind === "metrics" || kind === "params" || kind === "tags" ? { kind, key } : null;
}

export const columnLabel = ({ kind, key }: ColumnName) =>
  kind === "about" ? (ABOUT_LABELS[key] ?? key) : key;

export function columnWidth({ kind, key }: ColumnName): number {
  if (kind !== "about") return 112;
  return { run_name: 224, status: 118, start_time: 108, end_time: 108, run_id: 260, source: 150 }[key] ?? 100;
}

/** Keys as people look for them: case apart, numbers by size, system metrics last. */
export function byName(a: string, b: string): number {
  const system = Number(a.startsWith("system/")) - Number(b.startsWith("system/"));
  return system || a.localeCompare(b, undefined, { numeric: true, sensitivity: "base" });
}

export interface KnownKeys {
  metrics: string[];
  params: string[];
  tags: string[];
}

export function knownKeys(runs: Run[]): KnownKeys {
  const metrics = new Set<string>();
  const params = new Set<string>();
  const tags = new Set<string>();
  for (const run of runs) {
    for (const key of run.metrics.keys()) metrics.add(key);
    for (const key of run.params.keys()) params.add(key);
    for (const key of run.tags.keys()) if (!key.startsWith(HIDDEN_TAGS)) tags.add(key);
  }
  const sorted = (keys: Set<string>) => [...keys].sort(byName);
  return { metrics: sorted(metrics), params: sorted(params), tags: sorted(tags) };
}

/** What the table shows before anybody chose: what a glance needs, never hundreds of columns. */
export function firstColumns(known: KnownKeys): string[] {
  const metrics = known.metrics.filter((key) => !key.startsWith("system/"));
  return [
    ...["status", "start_time", "duration"].map((key) => columnId({ kind: "about", key })),
    ...metrics.slice(0, SHOWN_AT_FIRST).map((key) => columnId({ kind: "metrics", key })),
    ...known.params.slice(0, SHOWN_AT_FIRST).map((key) => columnId({ kind: "params", key })),
  ];
}

/** Lists in the address: commas part the names, so those inside a name are escaped. */
export const listText = (names: string[]) =>
  names.map((name) => name.replaceAll("%", "%25").replaceAll(",", "%2C")).join(",");

export const textList = (text: string | null): string[] =>
  (text ?? "")
    .split(",")
    .filter(Boolean)
    .map((name) => name.replaceAll("%2C", ",").replaceAll("%25", "%"));

export interface Order {
  column: string;
  isDescending: boolean;
}

export const FIRST_ORDER: Order = { column: "about.start_time", isDescending: true };

export function orderOf(text: string | null): Order {
  const match = /^(.+):(asc|desc)$/.exec(text ?? "");
  if (!match?.[1] || columnName(match[1]) === null) return FIRST_ORDER;
  return { column: match[1], isDescending: match[2] === "desc" };
}

export const orderText = ({ column, isDescending }: Order) => `${column}:${isDescending ? "desc" : "asc"}`;

export const isSortable = ({ kind, key }: ColumnName) => !(kind === "about" && UNSORTABLE.has(key));

/** A click on a column: numbers start with the largest, a second click turns the order round. */
export function nextOrder(order: Order, id: string): Order {
  if (order.column === id) return { column: id, isDescending: !order.isDescending };
  const name = columnName(id);
  const startsDescending = name?.kind === "metrics" || name?.key.endsWith("_time") === true;
  return { column: id, isDescending: startsDescending };
}

export function orderBy(order: Order): string[] {
  const name = columnName(order.column);
  if (!name) return [];
  const direction = order.isDescending ? "DESC" : "ASC";
  if (name.kind !== "about") return [`${name.kind}.${quotedKey(name.key)} ${direction}`];
  if (name.key === "source") return [`tags.\`mlflow.source.name\` ${direction}`];
  return [`attributes.${name.key} ${direction}`];
}
