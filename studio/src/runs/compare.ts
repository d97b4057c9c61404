/** Runs side by side. Pure. */
import type { Run } from "../api/types.ts";
import { type Dimension, numbersIfAll } from "../charts/parallel.ts";
import { number } from "../parts/format.ts";
import { byName } from "./columns.ts";

export interface CompareRow {
  key: string;
  /** One for each run; null where the run has none. */
  values: (string | null)[];
  isDifferent: boolean;
}

export interface CompareGroup {
  title: string;
  rows: CompareRow[];
}

function rowsOf<T>(
  runs: Run[],
  read: (run: Run) => ReadonlyMap<string, T>,
  say: (value: T) => string,
): CompareRow[] {
  const columns = runs.map(read);
  const keys = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort(byName);
  return keys.map((key) => {
    const values = columns.map((column) => column.get(key));
    const texts = values.map((value) => (value === undefined ? null : say(value)));
    // By the values themselves: two that read the same may differ behind the digits that are shown.
    return { key, values: texts, isDifferent: new Set(values).size > 1 };
  });
}

const lastValues = (run: Run) => new Map([...run.metrics].map(([key, metric]) => [key, metric.value]));
const asItIs = (text: string) => text;
const ownTags = (run: Run) => new Map([...run.tags].filter(([key]) => !key.startsWith("mlflow.")));

export function comparison(runs: Run[], onlyDifferent: boolean): CompareGroup[] {
  const groups = [
    { title: "Params", rows: rowsOf(runs, (run) => run.params, asItIs) },
    { title: "Metrics", rows: rowsOf(runs, lastValues, number) },
    { title: "Tags", rows: rowsOf(runs, ownTags, asItIs) },
  ];
  return groups
    .map(({ title, rows }) => ({ title, rows: onlyDifferent ? rows.filter((row) => row.isDifferent) : rows }))
    .filter(({ rows }) => rows.length > 0);
}

const SYSTEM = "system/";

/** What runs can be drawn over: their params, then their metrics, those of the machine left out. */
export function runDimensions(runs: Run[]): Dimension[] {
  const keysOf = (read: (run: Run) => Iterable<string>) =>
    [...new Set(runs.flatMap((run) => [...read(run)]))].sort(byName);
  const params = keysOf((run) => run.params.keys()).map((key) => ({
    key: `params.${key}`,
    label: key,
    cells: numbersIfAll(runs.map((run) => run.params.get(key) ?? null)),
  }));
  const metrics = keysOf((run) => run.metrics.keys())
    .filter((key) => !key.startsWith(SYSTEM))
    .map((key) => ({
      key: `metrics.${key}`,
      label: key,
      cells: runs.map((run) => run.metrics.get(key)?.value ?? null),
    }));
  return [...params, ...metrics];
}
