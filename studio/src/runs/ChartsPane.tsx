import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import { useUrlQuery } from "../app/location.ts";
import { ChartControls } from "../charts/ChartControls.tsx";
import { LinePanel } from "../charts/LinePanel.tsx";
import { chartChange, chartSettingsOf } from "../charts/settings.ts";
import type { PanelRun } from "../charts/usePanelSeries.ts";
import { useWidth } from "../charts/useWidth.ts";
import { SearchField } from "../parts/SearchField.tsx";
import { Empty } from "../parts/States.tsx";
import { RUN_LIMITS } from "./selection.ts";
import type { ChangeTable, TableSettings } from "./tableSettings.ts";

const PANEL_ROW_PX = 322;
const PLOT_PX = 210;
const NARROWEST_PANEL_PX = 330;
const MOST_COLUMNS = 3;

interface Props {
  runs: PanelRun[];
  metrics: string[];
  settings: TableSettings;
  change: ChangeTable;
}

/** A panel for each metric; only the rows of panels in sight are drawn and asked for. */
function PanelGrid({ runs, metrics }: { runs: PanelRun[]; metrics: string[] }) {
  const [query, changeQuery] = useUrlQuery();
  const chart = useMemo(() => chartSettingsOf(query), [query]);
  const [box, width] = useWidth<HTMLDivElement>();
  const scroller = useRef<HTMLDivElement>(null);
  const columns = Math.max(1, Math.min(MOST_COLUMNS, metrics.length, Math.floor(width / NARROWEST_PANEL_PX)));
  const virtual = useVirtualizer({
    count: Math.ceil(metrics.length / columns),
    getScrollElement: () => scroller.current,
    estimateSize: () => PANEL_ROW_PX,
    overscan: 1,
  });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section ref={scroller} className="panels-scroll" tabIndex={0} aria-label="Charts">
      <div ref={box} style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {width > 0 &&
          virtual.getVirtualItems().map((row) => (
            <div
              key={row.key}
              className="panel-row"
              style={{ top: row.start, gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}
            >
              {metrics.slice(row.index * columns, (row.index + 1) * columns).map((metric) => (
                <LinePanel
                  key={metric}
                  metric={metric}
                  runs={runs}
                  settings={chart}
                  height={PLOT_PX}
                  onZoom={(zoom) => changeQuery(chartChange({ zoom }))}
                />
              ))}
            </div>
          ))}
      </div>
    </section>
  );
}

export function ChartsPane({ runs, metrics, settings, change }: Props) {
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
        {settings.pane !== "compare" && (
          <label className="check quiet">
            Runs
            <select
              className="field"
              value={settings.limit}
              onChange={(event) => change({ limit: Number(event.target.value) })}
            >
              {RUN_LIMITS.map((limit) => (
                <option key={limit} value={limit}>
                  first {limit}
                </option>
              ))}
            </select>
          </label>
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
