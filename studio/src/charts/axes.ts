/** How the axes of a panel read. */
import type uPlot from "uplot";
import type { XAxis } from "../api/runyard.ts";
import { axisNumber, duration, localTime } from "../parts/format.ts";
import type { Zoom } from "./usePanelSeries.ts";

const FONT = "11px system-ui, sans-serif";
const WHOLE_STEPS = Array.from({ length: 15 }, (_, power) =>
  [1, 2, 5].map((base) => base * 10 ** power),
).flat();
const SECOND_MS = 1000;
const DURATIONS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500]
  .concat([1, 2, 5, 10, 15, 30].map((count) => count * SECOND_MS))
  .concat([1, 2, 5, 10, 15, 30].map((count) => count * 60 * SECOND_MS))
  .concat([1, 2, 4, 8, 12, 24, 48, 96, 240, 480].map((count) => count * 3600 * SECOND_MS));

export interface Ink {
  text: string;
  grid: string;
}

/** What an x position is called in the tooltip. */
export function xText(value: number, x: XAxis): string {
  if (x === "time") return localTime(value);
  if (x === "relative") return `after ${duration(value)}`;
  return `step ${value.toLocaleString("en", { maximumFractionDigits: 0 })}`;
}

function widthOf(labels: string[] | null): number {
  const longest = Math.max(0, ...(labels ?? []).map((label) => label?.length ?? 0));
  return Math.max(36, longest * 6.5 + 16);
}

export function axesOf(x: XAxis, ink: Ink): uPlot.Axis[] {
  const common = { stroke: ink.text, font: FONT, ticks: { show: false } };
  const across: uPlot.Axis = { ...common, size: 28, grid: { show: false } };
  if (x === "step") {
    across.incrs = WHOLE_STEPS;
    across.values = (_, splits) => splits.map(axisNumber);
  }
  if (x === "relative") {
    across.incrs = DURATIONS_MS;
    across.space = 64;
    across.values = (_, splits) => splits.map((value) => (value === 0 ? "0" : duration(value)));
  }
  const up: uPlot.Axis = {
    ...common,
    grid: { stroke: ink.grid, width: 1 },
    values: (_, splits) => splits.map((value) => (value === null ? "" : axisNumber(value))),
    size: (_, labels) => widthOf(labels),
  };
  return [across, up];
}

export function scalesOf(x: XAxis, isLog: boolean, zoom: () => Zoom | null): uPlot.Scales {
  return {
    x: {
      time: x === "time",
      range: (plot) => {
        const shown = zoom();
        if (shown) return [shown[0], shown[1]];
        const all = plot.data[0];
        const first = all[0] ?? 0;
        const last = all[all.length - 1] ?? 1;
        return first === last ? [first - 1, last + 1] : [first, last];
      },
    },
    y: isLog ? { distr: 3 } : {},
  };
}
