/** The binary form of a chart's lines, as docs/reference/columns.md describes it. Pure. */
import type { WireSeries } from "./runyard.ts";

export const COLUMNS = "application/vnd.runyard.columns";

interface Column {
  dtype: "<f8" | "<i8";
  offset: number;
  length: number;
}

type Header = Pick<WireSeries, "run_id" | "key" | "point_count" | "is_bucketed"> & {
  columns: Partial<Record<"x" | "last" | "first" | "mean" | "min" | "max", Column>>;
};

export function linesOf(answer: ArrayBuffer): WireSeries[] {
  const length = new DataView(answer).getUint32(8, true);
  const text = new TextDecoder().decode(new Uint8Array(answer, 16, length));
  const { series } = JSON.parse(text) as { series: Header[] };
  const numbers = ({ dtype, offset, length: count }: Column): number[] => {
    const begin = 16 + length + offset;
    return dtype === "<f8"
      ? Array.from(new Float64Array(answer, begin, count))
      : Array.from(new BigInt64Array(answer, begin, count), Number);
  };
  return series.map(({ columns, ...line }) => ({
    ...line,
    x: [],
    last: [],
    ...Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, numbers(column)])),
  }));
}
