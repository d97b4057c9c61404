import type { XAxis } from "../api/runyard.ts";
import type { Series } from "./series.ts";

function cell(value: string | number | null): string {
  if (value === null) return "";
  const text = String(value);
  // A spreadsheet runs what starts like a formula, and run names are anybody's text.
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const csvLine = (values: (string | number | null)[]) => values.map(cell).join(",");

/** What a panel shows, one row a point. */
export function csvOf(all: Series[], names: ReadonlyMap<string, string>, x: XAxis): string {
  const xName = { step: "step", time: "time_ms", relative: "relative_ms" }[x];
  const rows = [["run_id", "run_name", "metric", xName, "value", "min", "max"].join(",")];
  for (const series of all) {
    series.x.forEach((at, index) => {
      const value = series.y[index] ?? null;
      rows.push(
        csvLine([
          series.runId,
          names.get(series.runId) ?? "",
          series.key,
          at,
          value,
          series.low?.[index] ?? value,
          series.high?.[index] ?? value,
        ]),
      );
    });
  }
  return `${rows.join("\n")}\n`;
}
