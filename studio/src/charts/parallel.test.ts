import { describe, expect, it } from "vitest";
import type { Run } from "../api/types.ts";
import { runDimensions } from "../runs/compare.ts";
import {
  axisOf,
  type Dimension,
  firstAxes,
  keptLines,
  lineNear,
  numbersIfAll,
  placeAt,
  shade,
  shadesOf,
  ticksOf,
  valueAt,
} from "./parallel.ts";

const dimension = (cells: Dimension["cells"], key = "x"): Dimension => ({ key, label: key, cells });

describe("an axis", () => {
  it("of numbers goes from the least to the most; what is missing crosses it nowhere", () => {
    const axis = axisOf(dimension([10, 20, null, 15, Number.NaN, Number.POSITIVE_INFINITY]));
    expect(axis.places).toEqual([0, 1, null, 0.5, null, null]);
    expect([axis.least, axis.most, axis.names]).toEqual([10, 20, null]);
  });

  it("is logarithmic only above zero", () => {
    const axis = axisOf(dimension([0.001, 0.1, 0.01]), true);
    expect(axis.places.map((place) => place && Number(place.toFixed(6)))).toEqual([0, 1, 0.5]);
    expect(axisOf(dimension([0, 1]), true)).toMatchObject({ isLog: false, mayBeLog: false });
    expect(axisOf({ ...dimension([1, 100]), isLog: true }).isLog).toBe(true);
    expect(axisOf({ ...dimension([1, 100]), isLog: true }, false).isLog).toBe(false);
  });

  it("of anything else has its names in order", () => {
    const axis = axisOf(dimension(["sgd", true, null, "adam", "10", "9"]));
    expect(axis.names).toEqual(["9", "10", "adam", "sgd", "true"]);
    expect(axis.places).toEqual([0.75, 1, null, 0.5, 0.25, 0]);
  });

  it("of one value alone has it in the middle", () => {
    const axis = axisOf(dimension([3, 3]));
    expect(axis.places).toEqual([0.5, 0.5]);
    expect(ticksOf(axis)).toEqual([{ place: 0.5, text: "3" }]);
    expect(axisOf(dimension(["a", "a"])).places).toEqual([0.5, 0.5]);
    expect(ticksOf(axisOf(dimension([null])))).toEqual([]);
  });

  it("knows the values of its places and the places of values", () => {
    const [plain, log] = [axisOf(dimension([0, 10])), axisOf(dimension([1, 100]), true)];
    expect([valueAt(plain, 0.25), valueAt(log, 0.5)]).toEqual([2.5, 10]);
    expect([placeAt(plain, 2.5), placeAt(log, 10), placeAt(plain, 99), placeAt(log, -1)]).toEqual([
      0.25, 0.5, 1, 0,
    ]);
  });

  it("of whole numbers says no number between two of them", () => {
    const texts = (cells: number[], isLog = false) =>
      ticksOf(axisOf(dimension(cells), isLog)).map(({ text }) => text);
    expect(texts([2, 8, 5])).toEqual(["2", "3", "4", "5", "6", "7", "8"]);
    expect(texts([1, 3])).toEqual(["1", "2", "3"]);
    expect(texts([10, 99])).toEqual(["10", "32", "55", "77", "99"]);
    expect(texts([1, 1.5, 3])).toEqual(["1", "1.5", "2", "2.5", "3"]);
    expect(texts([1, 16], true)).toEqual(["1", "2", "4", "8", "16"]);
    const ticks = ticksOf(axisOf(dimension([10, 99])));
    expect(ticks[1]?.place).toBeCloseTo(22 / 89);
  });

  it("says a dozen names at most", () => {
    const names = Array.from({ length: 40 }, (_, at) => `name ${at} ${"long".repeat(10)}`);
    const ticks = ticksOf(axisOf(dimension(names)));
    expect(ticks.length).toBeLessThanOrEqual(12);
    expect(ticks[0]?.text).toBe("name 0 longlong…");
  });
});

describe("texts that are numbers", () => {
  it("are numbers if all are", () => {
    expect(numbersIfAll(["1", null, "2e-3"])).toEqual([1, null, 0.002]);
    expect(numbersIfAll(["1", "two"])).toEqual(["1", "two"]);
    expect(numbersIfAll(["1", ""])).toEqual(["1", ""]);
  });
});

describe("ranges", () => {
  const axes = [axisOf(dimension([0, 5, 10], "x")), axisOf(dimension([1, null, 3], "y"))];

  it("keep the lines that cross all of them", () => {
    expect(keptLines(axes, new Map(), 3)).toEqual([true, true, true]);
    expect(keptLines(axes, new Map([["x", { from: 0.4, to: 1 }]]), 3)).toEqual([false, true, true]);
    const both = new Map([
      ["x", { from: 0.4, to: 1 }],
      ["y", { from: 0, to: 1 }],
    ]);
    expect(keptLines(axes, both, 3)).toEqual([false, false, true]);
    expect(keptLines(axes, new Map([["elsewhere", { from: 0, to: 0 }]]), 3)).toEqual([true, true, true]);
  });
});

describe("the line under the pointer", () => {
  const axes = ["x", "y", "z"].map((key) => axisOf(dimension(key === "z" ? [1, 0, null] : [0, 1, 0.5], key)));

  it("is the nearest of those kept, between the axes", () => {
    const all = [true, true, true];
    expect(lineNear(axes, all, 0.5, 0.01)).toBe(0);
    expect(lineNear(axes, all, 0.5, 0.99)).toBe(1);
    expect(lineNear(axes, all, 0.5, 0.25)).toBeNull();
    expect(lineNear(axes, all, 1.25, 0.25)).toBe(0);
    expect(lineNear(axes, [false, true, true], 0.5, 0.01)).toBeNull();
    // The third has no place on the last axis.
    expect(lineNear(axes, [false, false, true], 1.5, 0.5)).toBeNull();
    expect(lineNear(axes.slice(0, 1), all, 0, 0)).toBeNull();
  });
});

describe("colours", () => {
  it("go from one end of the scale to the other", () => {
    expect(shadesOf("light")[0]).toBe("#b7d3ee");
    expect([shade(0, "light"), shade(-1, "light"), shade(2, "light")]).toEqual([
      "rgb(183 211 238)",
      "rgb(183 211 238)",
      "rgb(122 31 92)",
    ]);
    expect(shade(0.125, "light")).toBe("rgb(137 186 226)");
  });
});

describe("the axes at first", () => {
  it("are those along which lines differ, eight of them, the last for certain", () => {
    const many = Array.from({ length: 12 }, (_, at) => dimension([1, 2], `d${at}`));
    expect(firstAxes([dimension([1, 1], "same"), dimension([null, 2], "one"), ...many])).toEqual([
      ...many.slice(0, 7).map(({ key }) => key),
      "d11",
    ]);
    expect(firstAxes([dimension([1, 2], "a"), dimension(["x", "y"], "b")])).toEqual(["a", "b"]);
  });
});

describe("the dimensions of runs", () => {
  it("are their params, then their metrics without those of the machine", () => {
    const run = (params: [string, string][], metrics: [string, number][]) =>
      ({
        params: new Map(params),
        metrics: new Map(metrics.map(([key, value]) => [key, { key, value, step: 0, timestampMs: 0 }])),
      }) as Run;
    const runs = [
      run(
        [["lr", "0.1"]],
        [
          ["loss", 2],
          ["system/cpu", 5],
        ],
      ),
      run(
        [
          ["lr", "0.01"],
          ["optimizer", "adam"],
        ],
        [],
      ),
    ];
    expect(runDimensions(runs)).toEqual([
      { key: "params.lr", label: "lr", cells: [0.1, 0.01] },
      { key: "params.optimizer", label: "optimizer", cells: [null, "adam"] },
      { key: "metrics.loss", label: "loss", cells: [2, null] },
    ]);
  });
});
