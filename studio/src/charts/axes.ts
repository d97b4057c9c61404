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

const FEW_POWERS = 3;

/** The places of a logarithmic axis: powers of ten, and two and five times each where there are few. */
export function logPlaces(least: number, most: number): number[] {
  if (!(least > 0)) return [];
  const factors = Math.log10(most / least) > FEW_POWERS ? [1] : [1, 2, 5];
  const powers: number[] = [];
  for (let power = 10 ** Math.floor(Math.log10(least)); power <= most; power *= 10) powers.push(power);
  return powers
    .flatMap((power) => factors.map((factor) => factor * power))
    .filter((at) => at >= least && at <= most);
}

/** On a logarithmic axis the places between powers of ten have no label. */
const named = (name: (value: number) => string) => (_: uPlot, splits: (number | null)[]) =>
  splits.map((value) => (value === null ? "" : name(value)));

export function axesOf(x: XAxis, isLogX: boolean, ink: Ink): uPlot.Axis[] {
  const common = { stroke: ink.text, font: FONT, ticks: { show: false } };
  const across: uPlot.Axis = { ...common, size: 28, grid: { show: false } };
  if (isLogX) {
    across.splits = (_plot, _axis, least, most) => logPlaces(least, most);
    across.filter = (_, splits) => splits;
  }
  if (x === "step") {
    if (!isLogX) across.incrs = WHOLE_STEPS;
    across.values = named(axisNumber);
  }
  if (x === "relative") {
    if (!isLogX) across.incrs = DURATIONS_MS;
    across.space = 64;
    across.values = named((value) => (value === 0 ? "0" : duration(value)));
  }
  const up: uPlot.Axis = {
    ...common,
    grid: { stroke: ink.grid, width: 1 },
    values: named(axisNumber),
    size: (_, labels) => widthOf(labels),
  };
  return [across, up];
}

/** What the x axis shows. A logarithmic one has no place for what lies at 0 or before. */
export function stretchOf(all: ArrayLike<number>, zoom: Zoom | null, isLogX: boolean): [number, number] {
  const first = all[0] ?? 1;
  const last = all[all.length - 1] ?? 10;
  if (zoom && (!isLogX || zoom[1] > 0))
    return [isLogX && zoom[0] <= 0 ? Math.min(first, zoom[1] / 10) : zoom[0], zoom[1]];
  if (first === last) return isLogX ? [first / 2, first * 2] : [first - 1, last + 1];
  return [first, last];
}

export interface Scaling {
  x: XAxis;
  isLog: boolean;
  isLogX: boolean;
}

export function scalesOf({ x, isLog, isLogX }: Scaling, zoom: () => Zoom | null): uPlot.Scales {
  return {
    x: {
      time: x === "time",
      ...(isLogX ? { distr: 3 as const } : {}),
      range: (plot) => stretchOf(plot.data[0], zoom(), isLogX),
    },
    y: isLog ? { distr: 3 } : {},
  };
}
