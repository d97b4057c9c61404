import { useMemo } from "react";
import { useUrlQuery } from "../app/location.ts";
import { ChartControls } from "../charts/ChartControls.tsx";
import { PanelGrid } from "../charts/PanelGrid.tsx";
import { chartChange, chartSettingsOf } from "../charts/settings.ts";
import type { PanelRun } from "../charts/usePanelSeries.ts";
import { SearchField } from "../parts/SearchField.tsx";
import { Empty } from "../parts/States.tsx";
import type { KnownKeys } from "./columns.ts";
import { GroupBy } from "./GroupBy.tsx";
import { RUN_LIMITS } from "./selection.ts";
import type { ChangeTable, TableSettings } from "./tableSettings.ts";

interface Props {
  runs: PanelRun[];
  known: KnownKeys;
  metrics: string[];
  settings: TableSettings;
  change: ChangeTable;
}

export function ChartsPane({ runs, known, metrics, settings, change }: Props) {
  const [query, changeQuery] = useUrlQuery();
  const chart = useMemo(() => chartSettingsOf(query), [query]);
  const words = settings.panelSearch.toLowerCase();
  const shown = metrics.filter((metric) => metric.toLowerCase().includes(words));
  return (
    <div className="pane">
      <div className="row wrap pane-bar">
        <ChartControls settings={chart} onChange={(next) => changeQuery(chartChange(next))} />
        <SearchField
          label="Search charts"
          value={settings.panelSearch}
          onChange={(panelSearch) => change({ panelSearch })}
        />
        <GroupBy known={known} value={settings.groupBy} onChange={(groupBy) => change({ groupBy })} />
        {settings.pane !== "compare" && (
          <select
            className="field"
            aria-label="Runs on the charts"
            value={settings.limit}
            onChange={(event) => change({ limit: Number(event.target.value) })}
          >
            {RUN_LIMITS.map((limit) => (
              <option key={limit} value={limit}>
                {limit} runs
              </option>
            ))}
          </select>
        )}
      </div>
      {runs.length === 0 ? (
        <Empty title="No run is shown">
          <p className="quiet">Open the eye of a run in the table to see its lines here.</p>
        </Empty>
      ) : shown.length === 0 ? (
        <Empty title={words ? "No metric matches" : "No metrics yet"}>
          {!words && <p className="quiet">Lines appear here with the first mlflow.log_metric.</p>}
        </Empty>
      ) : (
        <PanelGrid runs={runs} metrics={shown} />
      )}
    </div>
  );
}
