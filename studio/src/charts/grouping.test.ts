import { describe, expect, it } from "vitest";
import { linesOf } from "./grouping.ts";
import type { Series } from "./series.ts";

const line = (runId: string, x: number[], y: (number | null)[]): Series => ({
  runId,
  key: "loss",
  pointCount: x.length,
  isBucketed: false,
  x,
  y,
  low: null,
  high: null,
});
const member = (runId: string, group: string | null, slot = 0) => ({
  runId,
  name: runId,
  slot,
  isLive: false,
  group,
});

describe("lines of groups", () => {
  it("are those of the runs while nothing is grouped", () => {
    const series = [line("a", [0], [1])];
    const runs = [member("a", null)];
    expect(linesOf(series, runs)).toEqual({ series, runs });
  });

  it("are a mean between the least and the most", () => {
    const series = [line("a", [0, 1], [1, 3]), line("b", [0, 1], [3, 9]), line("c", [0], [7])];
    const grouped = linesOf(series, [member("a", "adam", 4), member("b", "adam", 4), member("c", "sgd", 5)]);
    expect(grouped.series[0]).toMatchObject({
      runId: "adam",
      x: [0, 1],
      y: [2, 6],
      low: [1, 3],
      high: [3, 9],
    });
    expect(grouped.runs).toMatchObject([
      { runId: "adam", name: "adam (2)", slot: 4 },
      { runId: "sgd", name: "sgd (1)", slot: 5 },
    ]);
  });

  it("meet between the points of runs that log at other steps, and end with each run", () => {
    const series = [line("a", [0, 10], [0, 10]), line("b", [5, 20], [1, 1])];
    const [one] = linesOf(series, [member("a", "g"), member("b", "g")]).series;
    expect(one?.x).toEqual([0, 5, 10, 20]);
    expect(one?.y).toEqual([0, 3, 5.5, 1]);
    expect(one?.low).toEqual([0, 1, 1, 1]);
    expect(one?.high).toEqual([0, 5, 10, 1]);
  });

  it("count no NaN, and have a gap where no run has a value", () => {
    const series = [line("a", [0, 1, 2], [null, null, 4]), line("b", [0, 1], [2, null])];
    const [one] = linesOf(series, [member("a", "g"), member("b", "g")]).series;
    expect(one?.y).toEqual([2, null, 4]);
  });

  it("leave out runs that have no such metric", () => {
    const grouped = linesOf([line("a", [0], [1])], [member("a", "g"), member("b", "g"), member("c", "h")]);
    expect(grouped.runs.map(({ name }) => name)).toEqual(["g (1)"]);
  });
});
