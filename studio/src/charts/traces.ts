/** From the series of a panel to the columns that uPlot draws. Pure but for uPlot's own join. */
import uPlot from "uplot";
import { positive, type Series, type Value } from "./series.ts";
import { smoothed } from "./smoothing.ts";

export type ColumnRole = "line" | "raw" | "low" | "high";

/** What one column of the drawing shows. */
export interface DrawnColumn {
  runId: string;
  role: ColumnRole;
  /** How many points there are between which places. */
  pointCount: number;
  firstX: number;
  lastX: number;
}

export interface Drawing {
  columns: DrawnColumn[];
  data: uPlot.AlignedData;
}

interface Look {
  smoothing: number;
  isLog: boolean;
  isLogX: boolean;
}

/** What a logarithmic x axis can show: what lies beyond 0. */
function beyondZero(series: Series): Series {
  const first = series.x.findIndex((x) => x > 0);
  if (first === 0) return series;
  const rest = <T>(line: T[]) => (first < 0 ? [] : line.slice(first));
  return {
    ...series,
    x: rest(series.x),
    y: rest(series.y),
    low: series.low && rest(series.low),
    high: series.high && rest(series.high),
  };
}

function columnsOf(series: Series, look: Look): [ColumnRole, Value[]][] {
  const shown = (line: Value[]) => (look.isLog ? positive(line) : line);
  const raw = shown(series.y);
  if (look.smoothing > 0) {
    return [
      ["raw", raw],
      ["line", smoothed(raw, look.smoothing)],
    ];
  }
  if (!series.low || !series.high) return [["line", raw]];
  return [
    ["low", shown(series.low)],
    ["high", shown(series.high)],
    ["line", raw],
  ];
}

export function drawingOf(all: Series[], look: Look): Drawing {
  const columns: DrawnColumn[] = [];
  const tables: uPlot.AlignedData[] = [];
  for (const series of look.isLogX ? all.map(beyondZero) : all) {
    const parts = columnsOf(series, look);
    for (const [role] of parts) {
      columns.push({
        runId: series.runId,
        role,
        pointCount: series.x.length,
        firstX: series.x[0] ?? 0,
        lastX: series.x.at(-1) ?? 0,
      });
    }
    tables.push([series.x, ...parts.map(([, line]) => line)]);
  }
  if (tables.length === 0) return { columns, data: [[]] };
  // A run's gaps stay null, and x positions that only other runs have become undefined, which is drawn across.
  const data = tables.length === 1 ? (tables[0] as uPlot.AlignedData) : uPlot.join(tables);
  return { columns, data };
}

/** The same drawing needs no new plot, only new numbers. */
export const shapeOf = (columns: DrawnColumn[]) =>
  columns.map((column) => `${column.runId}:${column.role}`).join("|");

/** Indices of points with no neighbour to draw a line to: they would be invisible without a dot. */
export function lonePoints(line: ArrayLike<Value | undefined>): number[] {
  const lone: number[] = [];
  let before: Value | undefined = null;
  let candidate = -1;
  for (let at = 0; at < line.length; at += 1) {
    const value = line[at];
    if (value === undefined) continue;
    if (value === null) {
      if (candidate >= 0) lone.push(candidate);
      candidate = -1;
    } else {
      candidate = before === null ? at : -1;
    }
    before = value;
  }
  if (candidate >= 0) lone.push(candidate);
  return lone;
}

/** The nearest index with a value, so that the crosshair names every run and not only the one with a point just there. */
export function nearestPoint(
  line: ArrayLike<Value | undefined>,
  x: ArrayLike<number>,
  from: number,
  atX: number,
): number | null {
  let left = from;
  while (left >= 0 && (line[left] === undefined || line[left] === null)) left -= 1;
  let right = from;
  while (right < line.length && (line[right] === undefined || line[right] === null)) right += 1;
  if (left < 0) return right < line.length ? right : null;
  if (right >= line.length) return left;
  return Math.abs((x[left] ?? 0) - atX) <= Math.abs((x[right] ?? 0) - atX) ? left : right;
}
