import { useTheme } from "../app/theme.ts";
import { colour } from "./palette.ts";
import type { PanelRun } from "./usePanelSeries.ts";

const NAMED = 10;

/** Which line is whose. The table beside it has the same colours, so a long list is cut. */
export function Legend({ runs }: { runs: PanelRun[] }) {
  const theme = useTheme();
  if (runs.length === 0) return null;
  return (
    <ul className="legend" aria-label="Runs on this chart">
      {runs.slice(0, NAMED).map((run) => (
        <li key={run.runId} className="row">
          <span className="dot" style={{ background: colour(run.slot, theme) }} />
          <span className="ellipsis" title={run.name}>
            {run.name}
          </span>
        </li>
      ))}
      {runs.length > NAMED && <li className="quiet">and {runs.length - NAMED} more</li>}
    </ul>
  );
}
