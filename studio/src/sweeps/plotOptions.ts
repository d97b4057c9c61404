/** The options of a chart of trials for uPlot. */
import uPlot from "uplot";
import type { Ink } from "../charts/axes.ts";
import { axisNumber } from "../parts/format.ts";

const FONT = "11px system-ui, sans-serif";
const NEAR_PX = 30;
const LETTER_PX = 6.5;
const LONGEST_NAME = 14;
const WHOLE_STEPS = Array.from({ length: 7 }, (_, power) =>
  [1, 2, 5].map((base) => base * 10 ** power),
).flat();

export interface Colours extends Ink {
  point: string;
  best: string;
}

export interface PlotSettings {
  width: number;
  height: number;
  /** The names along the x axis, where its values are no numbers. */
  names: string[] | null;
  isLogX: boolean;
  /** Whether x counts trials. */
  isByTrial: boolean;
  /** Whether x has whole numbers alone. */
  isWhole: boolean;
  pointPx: number;
  colours: Colours;
  onNear: (index: number | null) => void;
}

/** The index of the point nearest to a place on the plot, if one is near. */
export function nearest(
  xs: ArrayLike<number>,
  ys: ArrayLike<number | null | undefined>,
  place: { left: number; top: number },
  positionOf: (value: number, scale: "x" | "y") => number,
): number | null {
  let found: number | null = null;
  let least = NEAR_PX ** 2;
  for (let at = 0; at < xs.length; at += 1) {
    const y = ys[at];
    if (y === null || y === undefined) continue;
    const away =
      (positionOf(xs[at] as number, "x") - place.left) ** 2 + (positionOf(y, "y") - place.top) ** 2;
    if (away < least) [least, found] = [away, at];
  }
  return found;
}

const cut = (name: string) => (name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name);

function axesOf({ names, isWhole, colours }: PlotSettings): uPlot.Axis[] {
  const common = { stroke: colours.text, font: FONT, ticks: { show: false } };
  const text = (value: number | null) => (value === null ? "" : axisNumber(value));
  const across: uPlot.Axis = {
    ...common,
    size: 28,
    grid: { show: false },
    values: (_, all) => all.map(text),
  };
  if (names || isWhole) across.incrs = WHOLE_STEPS;
  if (names) across.values = (_, all) => all.map((value) => cut(names[value] ?? ""));
  const up: uPlot.Axis = {
    ...common,
    grid: { stroke: colours.grid, width: 1 },
    values: (_, all) => all.map(text),
    size: (_, labels) =>
      Math.max(40, Math.max(0, ...(labels ?? []).map(({ length }) => length)) * LETTER_PX + 16),
  };
  return [across, up];
}

function rangeOf(
  least: number,
  most: number,
  { names, isLogX, isByTrial }: PlotSettings,
): uPlot.Range.MinMax {
  if (names) return [-0.5, names.length - 0.5];
  if (isLogX) return [least / 1.3, most * 1.3];
  const room = isByTrial ? 0.5 : (most - least) * 0.05 || Math.abs(most) * 0.1 || 1;
  return [least - room, most + room];
}

export function optionsOf(settings: PlotSettings): uPlot.Options {
  const { colours, isLogX } = settings;
  const look = (plot: uPlot) => {
    const { left = -1, top = -1 } = plot.cursor;
    if (left < 0) return settings.onNear(null);
    const positionOf = (value: number, scale: "x" | "y") => plot.valToPos(value, scale);
    settings.onNear(nearest(plot.data[0], plot.data[1] ?? [], { left, top }, positionOf));
  };
  return {
    width: settings.width,
    height: settings.height,
    ms: 1,
    legend: { show: false },
    padding: [10, 12, 0, 0],
    scales: {
      x: {
        time: false,
        ...(isLogX ? { distr: 3 } : {}),
        range: (_, least, most) => rangeOf(least, most, settings),
      },
    },
    axes: axesOf(settings),
    series: [
      {},
      {
        paths: () => null,
        points: { show: true, size: settings.pointPx, fill: colours.point, stroke: colours.point, space: 0 },
      },
      {
        stroke: colours.best,
        width: 1.6,
        points: { show: false },
        paths: uPlot.paths.stepped?.({ align: 1 }) ?? null,
      },
    ],
    cursor: { x: false, y: false, drag: { x: false, y: false }, points: { show: false } },
    hooks: { setCursor: [look] },
  } as uPlot.Options;
}
