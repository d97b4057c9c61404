import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import { useUrlQuery } from "../app/location.ts";
import { LinePanel } from "./LinePanel.tsx";
import { chartChange, chartSettingsOf } from "./settings.ts";
import type { PanelRun } from "./usePanelSeries.ts";
import { useWidth } from "./useWidth.ts";

const PLOT_PX = 210;
const FRAME_PX = 50;
const LEGEND_PX = 50;
const GAP_PX = 12;
const NARROWEST_PANEL_PX = 330;
const MOST_COLUMNS = 3;

/** A panel for each metric; only the rows of panels in sight are drawn and asked for. */
export function PanelGrid({
  runs,
  metrics,
  hasLegend = true,
}: {
  runs: PanelRun[];
  metrics: string[];
  hasLegend?: boolean;
}) {
  const [query, changeQuery] = useUrlQuery();
  const chart = useMemo(() => chartSettingsOf(query), [query]);
  const [box, width] = useWidth<HTMLDivElement>();
  const scroller = useRef<HTMLDivElement>(null);
  const columns = Math.max(1, Math.min(MOST_COLUMNS, metrics.length, Math.floor(width / NARROWEST_PANEL_PX)));
  const virtual = useVirtualizer({
    count: Math.ceil(metrics.length / columns),
    getScrollElement: () => scroller.current,
    estimateSize: () => PLOT_PX + FRAME_PX + GAP_PX + (hasLegend ? LEGEND_PX : 0),
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
              ref={virtual.measureElement}
              data-index={row.index}
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
                  hasLegend={hasLegend}
                  onZoom={(zoom) => changeQuery(chartChange({ zoom }))}
                />
              ))}
            </div>
          ))}
      </div>
    </section>
  );
}
