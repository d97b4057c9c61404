/** Lines of runs that belong together as one: their mean, between the least and the most of them. Pure. */
import type { Series, Value } from "./series.ts";
import type { PanelRun } from "./usePanelSeries.ts";

interface Lines {
  series: Series[];
  runs: PanelRun[];
}

/** A line without its gaps, which is read at rising places. */
class Reader {
  readonly #x: number[] = [];
  readonly #y: number[] = [];
  #at = 0;

  constructor(series: Series) {
    series.y.forEach((value, index) => {
      const place = series.x[index];
      if (value === null || place === undefined) return;
      this.#x.push(place);
      this.#y.push(value);
    });
  }

  /** The value at a place, between two points in a straight line; none before the first and after the last. */
  valueAt(place: number): Value {
    while ((this.#x[this.#at + 1] ?? Number.POSITIVE_INFINITY) <= place) this.#at += 1;
    const [left, right] = [this.#x[this.#at], this.#x[this.#at + 1]];
    const [low, high] = [this.#y[this.#at], this.#y[this.#at + 1]];
    if (left === undefined || low === undefined || place < left) return null;
    if (place === left) return low;
    if (right === undefined || high === undefined) return null;
    return low + ((high - low) * (place - left)) / (right - left);
  }
}

function merged(runId: string, all: Series[]): Series {
  const readers = all.map((series) => new Reader(series));
  const x = [...new Set(all.flatMap((series) => series.x))].sort((a, b) => a - b);
  const one: Series & { low: Value[]; high: Value[] } = {
    runId,
    key: all[0]?.key ?? "",
    pointCount: x.length,
    isBucketed: true,
    x,
    y: [],
    low: [],
    high: [],
  };
  for (const place of x) {
    let [sum, count, low, high] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const reader of readers) {
      const value = reader.valueAt(place);
      if (value === null) continue;
      sum += value;
      count += 1;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    one.y.push(count > 0 ? sum / count : null);
    one.low.push(count > 0 ? low : null);
    one.high.push(count > 0 ? high : null);
  }
  return one;
}

/** The lines to draw: those of the runs, or one for each group that they are in. */
export function linesOf(series: Series[], runs: PanelRun[]): Lines {
  if (!runs.some(({ group }) => group !== null)) return { series, runs };
  const byRun = new Map(series.map((one) => [one.runId, one]));
  const members = new Map<string, { first: PanelRun; all: Series[] }>();
  for (const run of runs) {
    const one = byRun.get(run.runId);
    if (!one || run.group === null) continue;
    const found = members.get(run.group);
    if (found) found.all.push(one);
    else members.set(run.group, { first: run, all: [one] });
  }
  const groups = [...members];
  return {
    series: groups.map(([group, { all }]) => merged(group, all)),
    runs: groups.map(([group, { first, all }]) => ({
      ...first,
      runId: group,
      name: `${group} (${all.length})`,
    })),
  };
}
