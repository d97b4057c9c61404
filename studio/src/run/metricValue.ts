/** Metrics as people type them. Pure. */

const NAMES: Record<string, number> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
};

/** Read a number; NaN and the infinities go by the names that Python gives them. */
export function metricValue(text: string): number {
  const words = text.trim().toLowerCase();
  const named = NAMES[words.replace(/^[+-]/, "")];
  if (named !== undefined) return words.startsWith("-") ? -named : named;
  const value = Number(words);
  if (words === "" || Number.isNaN(value)) {
    throw new Error(`A metric's value is a number, NaN, inf or -inf, not “${text}”.`);
  }
  return value;
}

/** The step that a metric is likely to be logged at next: the one behind its last. */
export const nextStep = (last: number | undefined) => (last === undefined ? 0 : last + 1);
