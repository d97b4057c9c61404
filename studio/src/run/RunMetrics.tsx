import { useMemo } from "react";
import type { Run } from "../api/types.ts";
import { useUrlQuery } from "../app/location.ts";
import { ChartControls } from "../charts/ChartControls.tsx";
import { PanelGrid } from "../charts/PanelGrid.tsx";
import { slots } from "../charts/palette.ts";
import { chartChange, chartSettingsOf } from "../charts/settings.ts";
import { SearchField } from "../parts/SearchField.tsx";
import { Empty } from "../parts/States.tsx";
import { byName } from "../runs/columns.ts";

/** Every metric of the run over its steps. */
export function RunMetrics({ run }: { run: Run }) {
  const [query, changeQuery] = useUrlQuery();
  const chart = useMemo(() => chartSettingsOf(query), [query]);
  const search = query.get("panels") ?? "";
  const { runId, name } = run;
  const isLive = run.status === "RUNNING";
  const runs = useMemo(
    () => [{ runId, name, slot: slots([runId], new Map()).get(runId) ?? 0, isLive, group: null }],
    [runId, name, isLive],
  );
  const words = search.toLowerCase();
  const metrics = [...run.metrics.keys()].filter((key) => key.toLowerCase().includes(words)).sort(byName);
  if (run.metrics.size === 0) {
    return (
      <Empty title="No metrics yet">
        <p className="quiet">Lines appear here with the first mlflow.log_metric of this run.</p>
      </Empty>
    );
  }
  return (
    <div className="run-metrics">
      <div className="row wrap">
        <ChartControls settings={chart} onChange={(next) => changeQuery(chartChange(next))} />
        <SearchField
          label="Search charts"
          value={search}
          onChange={(text) => changeQuery({ panels: text })}
        />
      </div>
      {metrics.length === 0 ? (
        <Empty title="No metric matches" />
      ) : (
        <PanelGrid runs={runs} metrics={metrics} hasLegend={false} />
      )}
    </div>
  );
}
