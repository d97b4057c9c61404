import type { Run } from "../api/types.ts";
import { evaluationRunsHash, runHash } from "../app/route.ts";
import { useTheme } from "../app/theme.ts";
import { colour } from "../charts/palette.ts";
import { plural } from "../parts/format.ts";
import { Empty } from "../parts/States.tsx";
import { comparison } from "./compare.ts";
import type { ChangeTable, TableSettings } from "./tableSettings.ts";

interface Props {
  runs: Run[];
  slots: ReadonlyMap<string, number>;
  settings: TableSettings;
  change: ChangeTable;
}

/** Params, metrics and tags of the selected runs, side by side. */
export function CompareTable({ runs, slots, settings, change }: Props) {
  const theme = useTheme();
  const groups = comparison(runs, settings.onlyDifferent);
  return (
    <section className="compare card" aria-label="Side by side">
      <header>
        <h2 className="grow">{plural(runs.length, "run")} side by side</h2>
        <label className="check">
          <input
            type="checkbox"
            checked={settings.onlyDifferent}
            onChange={(event) => change({ onlyDifferent: event.target.checked })}
          />
          Only what differs
        </label>
        {runs[0] && runs[1] && runs.length === 2 && (
          <a href={evaluationRunsHash(runs[0].experimentId, runs[0].runId, runs[1].runId)}>Their traces</a>
        )}
      </header>
      {groups.length === 0 ? (
        <Empty title={settings.onlyDifferent ? "Nothing differs" : "Nothing to compare"} />
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        <section className="scroll-x" tabIndex={0} aria-label="Values of the selected runs">
          <table className="list">
            <thead>
              <tr>
                <th scope="col">Name</th>
                {runs.map((run) => (
                  <th key={run.runId} scope="col">
                    <span className="row">
                      <span
                        className="dot"
                        style={{ background: colour(slots.get(run.runId) ?? 0, theme) }}
                      />
                      <a className="ellipsis" title={run.name} href={runHash(run.experimentId, run.runId)}>
                        {run.name}
                      </a>
                    </span>
                  </th>
                ))}
              </tr>
            </thead>
            {groups.map(({ title, rows }) => (
              <tbody key={title}>
                <tr className="group-row">
                  <th colSpan={runs.length + 1} scope="rowgroup">
                    {title}
                  </th>
                </tr>
                {rows.map(({ key, values, isDifferent }) => (
                  <tr key={key} className={isDifferent ? "differs" : undefined}>
                    <th scope="row" className="wrap-anywhere">
                      {key}
                    </th>
                    {values.map((value, index) => (
                      <td key={runs[index]?.runId} className="wrap-anywhere number">
                        {value ?? <span className="quiet">–</span>}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            ))}
          </table>
        </section>
      )}
    </section>
  );
}
