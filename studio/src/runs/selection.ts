/** Which rows are selected. Pure. */

/** Turn one row over. */
export function toggled(selected: readonly string[], runId: string): string[] {
  return selected.includes(runId) ? selected.filter((one) => one !== runId) : [...selected, runId];
}

/** Shift and a click: everything between the last row touched and this one takes the state that this one gets. */
export function toggledRange(
  selected: readonly string[],
  order: readonly string[],
  anchor: string | null,
  runId: string,
): string[] {
  const from = anchor === null ? -1 : order.indexOf(anchor);
  const to = order.indexOf(runId);
  if (from < 0 || to < 0) return toggled(selected, runId);
  const range = order.slice(Math.min(from, to), Math.max(from, to) + 1);
  if (selected.includes(runId)) {
    const gone = new Set(range);
    return selected.filter((one) => !gone.has(one));
  }
  return [...new Set([...selected, ...range])];
}

/** The row to go to from `active` by so many rows; the ends hold. */
export function moved(order: readonly string[], active: string | null, by: number): string | null {
  if (order.length === 0) return null;
  const at = active === null ? -1 : order.indexOf(active);
  if (at < 0) return (by > 0 ? order[0] : order.at(-1)) ?? null;
  return order[Math.min(order.length - 1, Math.max(0, at + by))] ?? null;
}

export interface Eyes {
  hidden: string[];
  shown: string[];
}

/** Charts hold this many runs unless told otherwise; more lines than a hundred no server call takes. */
export const RUN_LIMITS = [5, 10, 20, 50, 100] as const;
export const FIRST_LIMIT = 10;

/** The runs on the charts: the first so many that nobody hid, and those that somebody asked for. */
export function visibleIds(order: readonly string[], eyes: Eyes, limit: number): string[] {
  const hidden = new Set(eyes.hidden);
  const shown = new Set(eyes.shown);
  let left = limit;
  return order
    .filter((runId) => {
      if (hidden.has(runId)) return false;
      if (shown.has(runId)) return true;
      left -= 1;
      return left >= 0;
    })
    .slice(0, RUN_LIMITS[RUN_LIMITS.length - 1]);
}

export function eyeToggled(eyes: Eyes, runId: string, isVisible: boolean): Eyes {
  const without = (list: string[]) => list.filter((one) => one !== runId);
  if (isVisible) return { hidden: [...without(eyes.hidden), runId], shown: without(eyes.shown) };
  return { hidden: without(eyes.hidden), shown: [...without(eyes.shown), runId] };
}
