import { useTheme } from "../app/theme.ts";
import { number } from "../parts/format.ts";
import { colour } from "./palette.ts";
import type { Series } from "./series.ts";
import type { PanelRun } from "./usePanelSeries.ts";

/** One value a run, as bars from zero; a single one as the number that it is. */
export function ValueBars({ series, runs }: { series: Series[]; runs: PanelRun[] }) {
  const theme = useTheme();
  const values = new Map(series.map((one) => [one.runId, one.y[0] ?? null]));
  const largest = Math.max(...[...values.values()].map((value) => Math.abs(value ?? 0)), Number.MIN_VALUE);
  const only = series.length === 1 ? series[0]?.y[0] : undefined;
  if (only !== undefined)
    return <div className="only-value number">{only === null ? "–" : number(only)}</div>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className="value-bars" tabIndex={0} aria-label="Value of each run">
      {runs
        .filter((run) => values.has(run.runId))
        .map((run) => {
          const value = values.get(run.runId) ?? null;
          return (
            <div key={run.runId} className="value-bar">
              <span className="ellipsis" title={run.name}>
                {run.name}
              </span>
              <span className="track">
                <span
                  className="bar"
                  style={{
                    width: `${(Math.abs(value ?? 0) / largest) * 100}%`,
                    background: colour(run.slot, theme),
                    opacity: (value ?? 0) < 0 ? 0.5 : 1,
                  }}
                />
              </span>
              <span className="number">{value === null ? "–" : number(value)}</span>
            </div>
          );
        })}
    </section>
  );
}
