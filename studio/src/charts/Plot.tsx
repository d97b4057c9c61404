import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import type { XAxis } from "../api/runyard.ts";
import { useTheme } from "../app/theme.ts";
import { colour, dash } from "./palette.ts";
import { optionsOf } from "./plot.ts";
import type { Series } from "./series.ts";
import type { RunLook } from "./tooltip.ts";
import { drawingOf, shapeOf } from "./traces.ts";
import type { PanelRun, Zoom } from "./usePanelSeries.ts";
import type { Drawn } from "./vector.ts";

export interface PlotProps {
  series: Series[];
  runs: PanelRun[];
  x: XAxis;
  isLog: boolean;
  isLogX: boolean;
  smoothing: number;
  zoom: Zoom | null;
  onZoom: (zoom: Zoom | null) => void;
  width: number;
  height: number;
  /** Hands out what is drawn, for a picture of it. */
  onDrawn?: (drawn: Drawn | null) => void;
}

function inkNow() {
  const style = window.getComputedStyle(document.documentElement);
  return { text: style.getPropertyValue("--ink-3"), grid: style.getPropertyValue("--grid") };
}

/** The lines of a panel. uPlot is rebuilt when its shape changes and only fed when its numbers do. */
export function Plot(props: PlotProps) {
  const { series, runs, x, isLog, isLogX, smoothing, zoom, onZoom, width, height, onDrawn } = props;
  const theme = useTheme();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const drawing = useMemo(
    () => drawingOf(series, { smoothing, isLog, isLogX }),
    [series, smoothing, isLog, isLogX],
  );
  const shape = shapeOf(drawing.columns);
  const looks = useMemo(
    () =>
      new Map<string, RunLook>(
        runs.map((run) => [
          run.runId,
          { name: run.name, stroke: colour(run.slot, theme), dash: dash(run.slot) },
        ]),
      ),
    [runs, theme],
  );
  const dashes = runs.map((run) => (dash(run.slot).length > 0 ? run.slot : "")).join();

  // What the plot reads whenever it draws, so that none of it needs a new plot.
  const latest = useRef({ drawing, looks, zoom, onZoom, width, height });
  latest.current = { drawing, looks, zoom, onZoom, width, height };

  // biome-ignore lint/correctness/useExhaustiveDependencies: shape, theme and dashes say when a new plot is due
  useEffect(() => {
    if (!box.current || latest.current.width <= 0) return;
    const now = latest.current;
    const made = new uPlot(
      optionsOf({
        width: now.width,
        height: now.height,
        x,
        isLog,
        isLogX,
        ink: inkNow(),
        columns: now.drawing.columns,
        columnNow: (index) => latest.current.drawing.columns[index],
        looks: () => latest.current.looks,
        zoom: () => latest.current.zoom,
        onZoom: (next) => latest.current.onZoom(next),
      }),
      now.drawing.data,
      box.current,
    );
    plot.current = made;
    onDrawn?.({
      plot: made,
      columnNow: (index) => latest.current.drawing.columns[index],
      looks: () => latest.current.looks,
    });
    return () => {
      plot.current = null;
      onDrawn?.(null);
      made.destroy();
    };
  }, [shape, theme, dashes, x, isLog, isLogX, width > 0, onDrawn]);

  useEffect(() => plot.current?.setSize({ width, height }), [width, height]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: zoom and looks are read while drawing
  useEffect(() => plot.current?.setData(drawing.data), [drawing, zoom, looks]);

  return <div ref={box} className="plot" />;
}
