/** The options of one panel's uPlot. */
import type uPlot from "uplot";
import { axesOf, type Ink, type Scaling, scalesOf } from "./axes.ts";
import { type RunLook, tooltipPlugin } from "./tooltip.ts";
import { type DrawnColumn, lonePoints, nearestPoint } from "./traces.ts";
import type { Zoom } from "./usePanelSeries.ts";

/** Panels with this key move their crosshairs together. */
const SYNC_KEY = "runyard-panels";
const DRAG_PX = 5;
const DOT_SPACE_PX = 12;

export interface PlotSettings extends Scaling {
  width: number;
  height: number;
  ink: Ink;
  columns: DrawnColumn[];
  /** The columns as they are now: their points move while their shape stays. */
  columnNow: (index: number) => DrawnColumn | undefined;
  looks: () => ReadonlyMap<string, RunLook>;
  zoom: () => Zoom | null;
  onZoom: (zoom: Zoom | null) => void;
}

function faded(stroke: string, percent: number): string {
  return (
    stroke +
    Math.round(percent * 2.55)
      .toString(16)
      .padStart(2, "0")
  );
}

function seriesOf(settings: PlotSettings, column: DrawnColumn, index: number): uPlot.Series {
  const { looks } = settings;
  const stroke = () => looks().get(column.runId)?.stroke ?? "#888888";
  const isBand = column.role === "low" || column.role === "high";
  const dash = looks().get(column.runId)?.dash ?? [];
  const hasRoomForDots = (plot: uPlot) => {
    const { firstX, lastX, pointCount } = settings.columnNow(index) ?? column;
    const length = plot.valToPos(lastX, "x") - plot.valToPos(firstX, "x");
    return pointCount < 2 || length / (pointCount - 1) >= DOT_SPACE_PX;
  };
  return {
    stroke: isBand ? undefined : column.role === "raw" ? () => faded(stroke(), 28) : stroke,
    width: column.role === "line" ? 1.6 : 1,
    ...(dash.length > 0 && !isBand ? { dash } : {}),
    points: isBand
      ? { show: false }
      : {
          size: 5,
          fill: stroke,
          show: hasRoomForDots,
          filter: (plot, at, show) => (show ? null : lonePoints(plot.data[at] ?? [])),
        },
  } as uPlot.Series;
}

function bandsOf(columns: DrawnColumn[], looks: PlotSettings["looks"]): uPlot.Band[] {
  return columns.flatMap((column, index) => {
    if (column.role !== "high") return [];
    const fill = () => faded(looks().get(column.runId)?.stroke ?? "#888888", 18);
    // One is added for the x column; "low" stands right before "high".
    return [{ series: [index + 1, index], fill }];
  });
}

export function optionsOf(settings: PlotSettings): uPlot.Options {
  const { columns, looks, x } = settings;
  return {
    width: settings.width,
    height: settings.height,
    ms: 1,
    legend: { show: false },
    padding: [10, 12, 0, 0],
    scales: scalesOf(settings, settings.zoom),
    axes: axesOf(x, settings.isLogX, settings.ink),
    series: [{}, ...columns.map((column, index) => seriesOf(settings, column, index))],
    bands: bandsOf(columns, looks),
    plugins: [tooltipPlugin(() => columns, looks, x)],
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false, dist: DRAG_PX },
      points: { size: (_, index) => (columns[index - 1]?.role === "line" ? 7 : 0) },
      dataIdx: (plot, index, closest, atX) =>
        index === 0 ? closest : nearestPoint(plot.data[index] ?? [], plot.data[0], closest, atX),
      bind: {
        dblclick: () => () => {
          settings.onZoom(null);
          return null;
        },
      },
      sync: {
        key: SYNC_KEY,
        setSeries: false,
        scales: ["x", null],
        // Only the crosshair is shared: a drag belongs to the panel that it is made on.
        filters: { pub: (type) => type === "mousemove" || type === "mouseleave" },
      },
    },
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < DRAG_PX) return;
          settings.onZoom([plot.posToVal(left, "x"), plot.posToVal(left + width, "x")]);
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}
