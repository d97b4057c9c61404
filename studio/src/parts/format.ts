/** Numbers and times as people read them. Pure, so that they are tested without a page. */

const DAY_S = 86_400;

/** Digits of a number in groups of three, from five digits on: 1234 reads well as it is. */
function grouped(text: string): string {
  const [whole = "", rest] = text.split(".");
  const parted = whole.replace(/\D/g, "").length < 5 ? whole : whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return rest === undefined ? parted : `${parted}.${rest}`;
}

export function number(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return grouped(String(value));
  if (size >= 1e9 || size < 1e-4) return Number(value.toPrecision(4)).toExponential().replace("e+", "e");
  return grouped(String(size >= 1e5 ? Math.round(value) : Number(value.toPrecision(5))));
}

const UNITS: [number, string][] = [
  [1e12, "T"],
  [1e9, "B"],
  [1e6, "M"],
  [1e3, "k"],
];
// Enough to tell neighbours on an axis of a small stretch apart, too few for what floats add to 0.3.
const AXIS_DIGITS = 9;

/** A number beside an axis, where there is little room: 800M, 20k, 0.0125. */
export function axisNumber(value: number): string {
  const size = Math.abs(value);
  const unit = size >= 1e4 && size < 1e15 ? UNITS.find(([least]) => size >= least) : undefined;
  if (unit) return `${Number((value / unit[0]).toPrecision(AXIS_DIGITS))}${unit[1]}`;
  if (size >= 1e15 || size < 1e-4) return number(value);
  return String(Number(value.toPrecision(AXIS_DIGITS)));
}

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  const units = ["KB", "MB", "GB", "TB"];
  let size = count;
  let unit = "B";
  for (const next of units) {
    if (size < 1024) break;
    size /= 1024;
    unit = next;
  }
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${unit}`;
}

export function duration(lengthMs: number): string {
  if (lengthMs < 1000) return `${Math.max(0, Math.round(lengthMs))} ms`;
  const seconds = lengthMs / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < DAY_S) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / DAY_S)} d ${Math.floor((whole % DAY_S) / 3600)} h`;
}

/** Like a duration, for what may be over in less than a millisecond. */
export function shortDuration(lengthMs: number): string {
  if (lengthMs >= 100 || lengthMs <= 0) return duration(lengthMs);
  if (lengthMs < 1) return `${Math.max(1, Math.round(lengthMs * 1000))} µs`;
  return `${Number(lengthMs.toFixed(lengthMs < 10 ? 2 : 1))} ms`;
}

export function ago(thenMs: number, nowMs: number): string {
  const seconds = (nowMs - thenMs) / 1000;
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < DAY_S) return `${Math.round(seconds / 3600)} h ago`;
  if (seconds < 14 * DAY_S) return `${Math.round(seconds / DAY_S)} d ago`;
  return moment(thenMs).toLocaleDateString();
}

// Before and after these JavaScript has no dates; a run may claim to have started then.
const FURTHEST_MS = 8.64e15;

export const moment = (ms: number) => new Date(Math.min(Math.max(ms, -FURTHEST_MS), FURTHEST_MS));

export const localTime = (ms: number) =>
  moment(ms).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const utcTime = (ms: number) =>
  `${moment(ms)
    .toISOString()
    .replace("T", " ")
    .replace(/\.000Z$|Z$/, "")} UTC`;

export const plural = (count: number, one: string, many = `${one}s`) =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
