/** One line of a panel, as the server sent it. Pure. */
import type { WireNumber, WireSeries } from "../api/runyard.ts";

/** null is a gap: NaN and the infinities have no place on a panel. */
export type Value = number | null;

export interface Series {
  runId: string;
  key: string;
  pointCount: number;
  isBucketed: boolean;
  x: number[];
  /** The exact points, or each bucket's mean. */
  y: Value[];
  /** Each bucket's smallest and largest value. */
  low: Value[] | null;
  high: Value[] | null;
}

export function pointValueOf(wire: WireNumber): Value {
  if (wire === null) return null;
  const value = Number(wire);
  return Number.isFinite(value) ? value : null;
}

const values = (wire: WireNumber[]): Value[] => wire.map(pointValueOf);

export function seriesOf(wire: WireSeries): Series {
  const isBucketed = wire.is_bucketed && wire.mean !== undefined;
  return {
    runId: wire.run_id,
    key: wire.key,
    pointCount: wire.point_count,
    isBucketed,
    x: wire.x.map(Number),
    y: values(isBucketed ? (wire.mean ?? wire.last) : wire.last),
    low: isBucketed && wire.min ? values(wire.min) : null,
    high: isBucketed && wire.max ? values(wire.max) : null,
  };
}

/** What a logarithmic axis can show: positive values only. */
export const positive = (line: Value[]): Value[] =>
  line.map((value) => (value !== null && value > 0 ? value : null));
