/** Parallel coordinates: axes side by side, and a line through them for each run. Pure. */
import { axisNumber, number } from "../parts/format.ts";

export type Cell = string | number | boolean | null;

/** What an axis may be of: a param, a metric. `cells` has one for each line, null where it has none. */
export interface Dimension {
  key: string;
  label: string;
  cells: Cell[];
  /** Whether it is logarithmic unless somebody says otherwise. */
  isLog?: boolean;
}

export interface Axis {
  key: string;
  label: string;
  /** What stands along it, from below, where its values are no numbers. */
  names: string[] | null;
  isLog: boolean;
  /** Whether all its values are above zero. */
  mayBeLog: boolean;
  /** Whether all its values are whole numbers: nothing lies between two of them. */
  isWhole: boolean;
  least: number;
  most: number;
  /** Where each line crosses it, from 0 below to 1 above; null where it does not. */
  places: (number | null)[];
}

/** A part of an axis that lines must cross, from 0 below to 1 above. */
export interface Range {
  from: number;
  to: number;
}

const isNumber = (cell: Cell): cell is number => typeof cell === "number" && Number.isFinite(cell);

/** Texts as the numbers that they are, if all of them are. */
export function numbersIfAll(cells: Cell[]): Cell[] {
  const isNumeric = cells.every(
    (cell) =>
      cell === null ||
      typeof cell === "number" ||
      (typeof cell === "string" && cell.trim() !== "" && !Number.isNaN(Number(cell))),
  );
  return isNumeric ? cells.map((cell) => (cell === null ? null : Number(cell))) : cells;
}

function shareOf(value: number, least: number, most: number, isLog: boolean): number {
  const [at, low, high] = isLog ? [Math.log(value), Math.log(least), Math.log(most)] : [value, least, most];
  return high === low ? 0.5 : (at - low) / (high - low);
}

/** The axis of a dimension. */
export function axisOf({ key, label, cells, isLog: isAlways = false }: Dimension, isLog = isAlways): Axis {
  const numbers = cells.filter(isNumber);
  const common = { key, label };
  if (cells.some((cell) => cell !== null && typeof cell !== "number")) {
    const names = [...new Set(cells.filter((cell) => cell !== null).map(String))].sort((one, other) =>
      one.localeCompare(other, undefined, { numeric: true }),
    );
    const at = new Map(names.map((name, place) => [name, shareOf(place, 0, names.length - 1, false)]));
    const places = cells.map((cell) => (cell === null ? null : (at.get(String(cell)) ?? null)));
    const ends = { least: 0, most: names.length - 1 };
    return { ...common, names, isLog: false, mayBeLog: false, isWhole: false, ...ends, places };
  }
  const least = numbers.reduce((one, other) => Math.min(one, other), Number.POSITIVE_INFINITY);
  const most = numbers.reduce((one, other) => Math.max(one, other), Number.NEGATIVE_INFINITY);
  const mayBeLog = numbers.length > 0 && least > 0 && most > least;
  const isShownLog = isLog && mayBeLog;
  const places = cells.map((cell) => (isNumber(cell) ? shareOf(cell, least, most, isShownLog) : null));
  const isWhole = numbers.every(Number.isInteger);
  return { ...common, names: null, isLog: isShownLog, mayBeLog, isWhole, least, most, places };
}

/** The value at a place of an axis of numbers. */
export function valueAt({ isLog, least, most }: Axis, place: number): number {
  return isLog ? least * (most / least) ** place : least + place * (most - least);
}

/** The place of a value on an axis of numbers, kept on the axis. */
export function placeAt({ isLog, least, most }: Axis, value: number): number {
  if (isLog && value <= 0) return 0;
  return Math.min(Math.max(shareOf(value, least, most, isLog), 0), 1);
}

const MOST_NAMES = 12;
const LONGEST_NAME = 16;
/** Up to so far apart, each whole number between the ends is said. */
const MOST_WHOLE_APART = 8;

/** What stands beside an axis, and where. */
export function ticksOf(axis: Axis): { place: number; text: string }[] {
  const { names, least, most } = axis;
  if (names) {
    const every = Math.ceil(names.length / MOST_NAMES);
    const cut = (name: string) => (name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name);
    return names
      .map((name, at) => ({ place: shareOf(at, 0, names.length - 1, false), text: cut(name) }))
      .filter((_, at) => at % every === 0);
  }
  if (least > most) return [];
  if (least === most) return [{ place: 0.5, text: number(least) }];
  if (axis.isWhole && !axis.isLog) {
    const apart = most - least;
    const count = apart <= MOST_WHOLE_APART ? apart : 4;
    const values = Array.from({ length: count + 1 }, (_, at) => Math.round(least + (at * apart) / count));
    return values.map((value) => ({ place: placeAt(axis, value), text: axisNumber(value) }));
  }
  return [0, 0.25, 0.5, 0.75, 1].map((place) => ({
    place,
    text: axisNumber(Number(valueAt(axis, place).toPrecision(4))),
  }));
}

/** Which of the lines cross every range that is set. */
export function keptLines(axes: Axis[], ranges: ReadonlyMap<string, Range>, count: number): boolean[] {
  const asked = axes.flatMap(({ key, places }) => {
    const range = ranges.get(key);
    return range ? [{ range, places }] : [];
  });
  return Array.from({ length: count }, (_, line) =>
    asked.every(({ range, places }) => {
      const place = places[line] ?? null;
      return place !== null && place >= range.from && place <= range.to;
    }),
  );
}

/** From dark to light on white, and the other way round on black: less to more either way. */
const SHADES = {
  light: ["#b7d3ee", "#5aa0d6", "#2f6fb0", "#5a3fa0", "#7a1f5c"],
  dark: ["#33507a", "#3f86c8", "#58c4d8", "#9fe089", "#f4e04d"],
} as const;

const channels = (colour: string) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));

/** The colour of a share of a scale. */
export function shade(share: number, theme: "light" | "dark"): string {
  const stops = SHADES[theme];
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const at = Math.min(Math.floor(place), stops.length - 2);
  const [from, to] = [channels(stops[at] ?? stops[0]), channels(stops[at + 1] ?? stops[0])];
  const mixed = from.map((one, channel) => Math.round(one + ((to[channel] ?? one) - one) * (place - at)));
  return `rgb(${mixed.join(" ")})`;
}

export const shadesOf = (theme: "light" | "dark") => SHADES[theme];

const NEAR = 0.04;

/**
 * The line nearest to a point of the plot among those kept, if one is near.
 * `x` counts axes: 1.5 is in the middle between the second and the third.
 */
export function lineNear(axes: Axis[], kept: boolean[], x: number, y: number): number | null {
  const at = Math.min(Math.max(Math.floor(x), 0), axes.length - 2);
  const [left, right] = [axes[at], axes[at + 1]];
  if (!left || !right) return null;
  let found: number | null = null;
  let least = NEAR;
  for (const [line, isKept] of kept.entries()) {
    const [from, to] = [left.places[line] ?? null, right.places[line] ?? null];
    if (!isKept || from === null || to === null) continue;
    const away = Math.abs(from + (to - from) * (x - at) - y);
    if (away < least) [least, found] = [away, line];
  }
  return found;
}

const SHOWN_AT_FIRST = 8;

/** Which axes are shown until somebody chooses: those along which lines differ, the last ones for certain. */
export function firstAxes(dimensions: Dimension[]): string[] {
  const differing = dimensions.filter(({ cells }) => new Set(cells.filter((cell) => cell !== null)).size > 1);
  const most = Math.max(SHOWN_AT_FIRST - 1, 1);
  const shown =
    differing.length <= SHOWN_AT_FIRST ? differing : [...differing.slice(0, most), ...differing.slice(-1)];
  return shown.map(({ key }) => key);
}
