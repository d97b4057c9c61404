import type { Value } from "./series.ts";

/**
 * An exponential moving average without the pull of its start: each value is divided by the weight that
 * has been given out so far, so the first points are not drawn towards zero.
 */
export function smoothed(line: Value[], weight: number): Value[] {
  let average = 0;
  let givenOut = 0;
  return line.map((value) => {
    if (value === null) return null;
    average = average * weight + value * (1 - weight);
    givenOut = givenOut * weight + (1 - weight);
    return average / givenOut;
  });
}
