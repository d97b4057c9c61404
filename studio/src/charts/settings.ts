/** How panels are drawn, as the address keeps it. Pure. */
import type { XAxis } from "../api/runyard.ts";
import type { Zoom } from "./usePanelSeries.ts";

export interface ChartSettings {
  x: XAxis;
  isLog: boolean;
  isLogX: boolean;
  smoothing: number;
  zoom: Zoom | null;
}

const X_AXES: readonly string[] = ["step", "time", "relative"];

export function zoomOf(text: string | null): Zoom | null {
  const [start, end] = (text ?? "").split("~").map(Number);
  if (start === undefined || end === undefined || !Number.isFinite(start) || !Number.isFinite(end))
    return null;
  return text && start < end ? [start, end] : null;
}

export function chartSettingsOf(query: URLSearchParams): ChartSettings {
  const x = query.get("x") ?? "";
  const isTime = x === "time";
  const smoothing = Number(query.get("smooth") ?? 0);
  return {
    x: X_AXES.includes(x) ? (x as XAxis) : "step",
    isLog: query.get("y") === "log",
    // Moments have no zero to be a multiple of.
    isLogX: query.get("xs") === "log" && !isTime,
    smoothing: smoothing > 0 && smoothing < 1 ? smoothing : 0,
    zoom: zoomOf(query.get("zoom")),
  };
}

const rounded = (value: number) => Number(value.toPrecision(12));

/** The change to the address that a change of settings is. Another x axis has other places: its zoom goes. */
export function chartChange(change: Partial<ChartSettings>): Record<string, string | null> {
  const query: Record<string, string | null> = {};
  if (change.x !== undefined) {
    query.x = change.x === "step" ? null : change.x;
    query.zoom = null;
  }
  if (change.isLog !== undefined) query.y = change.isLog ? "log" : null;
  if (change.isLogX !== undefined) query.xs = change.isLogX ? "log" : null;
  if (change.smoothing !== undefined) query.smooth = change.smoothing > 0 ? String(change.smoothing) : null;
  if (change.zoom !== undefined) query.zoom = change.zoom ? change.zoom.map(rounded).join("~") : null;
  return query;
}
