import { describe, expect, it } from "vitest";
import { logPlaces, stretchOf } from "./axes.ts";
import { csvOf } from "./csv.ts";
import { colourCount, DARK_COLOURS, dash, LIGHT_COLOURS, slots } from "./palette.ts";
import { legendPlaces } from "./picture.ts";
import { type Series, seriesOf } from "./series.ts";
import { chartChange, chartSettingsOf } from "./settings.ts";
import { smoothed } from "./smoothing.ts";
import { drawingOf, lonePoints, nearestPoint } from "./traces.ts";

const plain = (runId: string, x: number[], y: (number | null)[]): Series => ({
  runId,
  key: "loss",
  pointCount: x.length,
  isBucketed: false,
  x,
  y,
  low: null,
  high: null,
});

describe("a series from the server", () => {
  it("takes exact points from `last` and makes gaps of what has no place on a panel", () => {
    const series = seriesOf({
      run_id: "a",
      key: "loss",
      point_count: 4,
      is_bucketed: false,
      x: [0, 1, 2, 3],
      last: [1, "NaN", "Infinity", 0.5],
    });
    expect(series.y).toEqual([1, null, null, 0.5]);
    expect(series.low).toBeNull();
  });

  it("takes means and their spread from buckets", () => {
    const series = seriesOf({
      run_id: "a",
      key: "loss",
      point_count: 900,
      is_bucketed: true,
      x: [0, 50],
      mean: [2, "NaN"],
      min: [1, 3],
      max: [4, "Infinity"],
      first: [1, 3],
      last: [9, 9],
    });
    expect(series).toMatchObject({ y: [2, null], low: [1, 3], high: [4, null], isBucketed: true });
  });
});

describe("smoothing", () => {
  it("leaves a constant alone from its first point on", () => {
    for (const value of smoothed([3, 3, 3, 3], 0.9)) expect(value).toBeCloseTo(3, 12);
  });

  it("starts at the first value and stays between the values", () => {
    const line = smoothed([10, 0, 10, 0, 10], 0.5) as number[];
    expect(line[0]).toBe(10);
    for (const value of line) expect(value).toBeGreaterThanOrEqual(0);
    for (const value of line) expect(value).toBeLessThanOrEqual(10);
  });

  it("keeps gaps and goes on after them", () => {
    const line = smoothed([1, null, 1], 0.8);
    expect(line[1]).toBeNull();
    expect(line[2]).toBeCloseTo(1, 12);
  });
});

describe("colours", () => {
  const ids = Array.from({ length: 30 }, (_, index) => `run-${index}`);

  it("are all different while there are enough", () => {
    const given = slots(ids.slice(0, colourCount), new Map());
    expect(new Set(given.values()).size).toBe(colourCount);
    expect(Math.max(...given.values())).toBeLessThan(colourCount);
  });

  it("are the seven furthest apart while there are no more runs", () => {
    expect(Math.max(...slots(ids.slice(0, 7), new Map()).values())).toBeLessThan(7);
  });

  it("come back with other dashes when there are not", () => {
    const given = slots(ids, new Map());
    expect(new Set(given.values()).size).toBe(ids.length);
    expect(dash(0)).toEqual([]);
    expect(dash(colourCount)).not.toEqual(dash(2 * colourCount));
  });

  it("stay with a run when others come and go", () => {
    const before = slots(ids.slice(0, 8), new Map());
    const after = slots(["new", ...ids.slice(2, 8)], before);
    for (const id of ids.slice(2, 8)) expect(after.get(id)).toBe(before.get(id));
  });

  it("stand out from their backgrounds by three to one", () => {
    const light = (hex: string) => {
      const [r, g, b] = [1, 3, 5]
        .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
        .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)) as [
        number,
        number,
        number,
      ];
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (a: string, b: string) => {
      const [low, high] = [light(a), light(b)].sort((x, y) => x - y) as [number, number];
      return (high + 0.05) / (low + 0.05);
    };
    for (const hex of LIGHT_COLOURS) expect(contrast(hex, "#ffffff"), hex).toBeGreaterThanOrEqual(3);
    for (const hex of DARK_COLOURS) expect(contrast(hex, "#161d27"), hex).toBeGreaterThanOrEqual(3);
  });
});

describe("what a panel draws", () => {
  it("joins runs with other steps, keeping gaps apart from steps that only others have", () => {
    const { columns, data } = drawingOf([plain("a", [0, 2], [1, null]), plain("b", [1, 2], [5, 6])], {
      smoothing: 0,
      isLog: false,
      isLogX: false,
    });
    expect(columns.map((column) => column.runId)).toEqual(["a", "b"]);
    expect([...data[0]]).toEqual([0, 1, 2]);
    expect([...(data[1] ?? [])]).toEqual([1, undefined, null]);
    expect([...(data[2] ?? [])]).toEqual([undefined, 5, 6]);
  });

  it("draws the spread below the line, and the raw line below a smoothed one", () => {
    const bucketed = { ...plain("a", [0, 1], [2, 3]), isBucketed: true, low: [1, 2], high: [3, 4] };
    const roles = (smoothing: number) =>
      drawingOf([bucketed], { smoothing, isLog: false, isLogX: false }).columns.map((column) => column.role);
    expect(roles(0)).toEqual(["low", "high", "line"]);
    expect(roles(0.5)).toEqual(["raw", "line"]);
  });

  it("leaves out of a logarithmic panel what has no logarithm", () => {
    const { data } = drawingOf([plain("a", [0, 1, 2], [1, 0, -3])], {
      smoothing: 0,
      isLog: true,
      isLogX: false,
    });
    expect(data[1]).toEqual([1, null, null]);
  });

  it("leaves out what a logarithmic x axis has no place for", () => {
    const look = { smoothing: 0, isLog: false, isLogX: true };
    const { columns, data } = drawingOf([plain("a", [0, 1, 10], [1, 2, 3])], look);
    expect(data).toEqual([
      [1, 10],
      [2, 3],
    ]);
    expect(columns[0]?.firstX).toBe(1);
    expect(drawingOf([plain("a", [0], [1])], look).data).toEqual([[], []]);
    expect(logPlaces(1, 100_000)).toEqual([1, 10, 100, 1000, 10_000, 100_000]);
    expect(logPlaces(3, 60)).toEqual([5, 10, 20, 50]);
    expect(logPlaces(0, 0)).toEqual([]);
    expect(stretchOf([1, 90], [-5, 0], true)).toEqual([1, 90]);
    expect(stretchOf([1, 90], [-5, 20], true)).toEqual([1, 20]);
    expect(stretchOf([1, 90], [-5, 0], false)).toEqual([-5, 0]);
    expect(chartSettingsOf(new URLSearchParams("xs=log")).isLogX).toBe(true);
    expect(chartSettingsOf(new URLSearchParams("xs=log&x=time")).isLogX).toBe(false);
  });

  it("is empty for no series", () => {
    expect(drawingOf([], { smoothing: 0, isLog: false, isLogX: false }).data).toEqual([[]]);
  });
});

describe("points", () => {
  it("alone between gaps are found, those on a line are not", () => {
    expect(lonePoints([1, null, 2, 3, null, undefined, 4])).toEqual([0, 6]);
    expect(lonePoints([1, undefined, 2])).toEqual([]);
    expect(lonePoints([undefined, 7, undefined])).toEqual([1]);
    expect(lonePoints([])).toEqual([]);
  });

  it("nearest to the crosshair are found over steps that only others have", () => {
    const x = [0, 10, 20, 30];
    expect(nearestPoint([1, undefined, undefined, 2], x, 1, 10)).toBe(0);
    expect(nearestPoint([1, undefined, undefined, 2], x, 2, 21)).toBe(3);
    expect(nearestPoint([undefined, undefined, undefined, 2], x, 0, 0)).toBe(3);
    expect(nearestPoint([undefined, null], x, 0, 0)).toBeNull();
  });
});

describe("settings in the address", () => {
  it("read back as they were written", () => {
    const change = chartChange({ x: "time", isLog: true, smoothing: 0.6 });
    const query = new URLSearchParams(
      Object.entries(change).filter((pair): pair is [string, string] => !!pair[1]),
    );
    expect(chartSettingsOf(query)).toEqual({
      x: "time",
      isLog: true,
      isLogX: false,
      smoothing: 0.6,
      zoom: null,
    });
    const zoomed = new URLSearchParams({ zoom: chartChange({ zoom: [-3.5, 1e6] }).zoom ?? "" });
    expect(chartSettingsOf(zoomed).zoom).toEqual([-3.5, 1e6]);
  });

  it("lose the zoom with another x axis", () => {
    expect(chartChange({ x: "relative" })).toEqual({ x: "relative", zoom: null });
  });

  it("fall back when somebody wrote nonsense", () => {
    const query = new URLSearchParams("x=moon&smooth=7&zoom=5~1&y=maybe");
    expect(chartSettingsOf(query)).toEqual({
      x: "step",
      isLog: false,
      isLogX: false,
      smoothing: 0,
      zoom: null,
    });
  });
});

describe("CSV of a panel", () => {
  it("S21: quotes, and disarms names that a spreadsheet would run", () => {
    const text = csvOf([plain("a", [0, 1], [1.5, null])], new Map([["a", '=cmd|"x",1']]), "step");
    expect(text.split("\n")).toEqual([
      "run_id,run_name,metric,step,value,min,max",
      'a,"\'=cmd|""x"",1",loss,0,1.5,1.5,1.5',
      'a,"\'=cmd|""x"",1",loss,1,,,',
      "",
    ]);
  });
});

describe("the legend of a saved picture", () => {
  it("goes on in another row where there is no room", () => {
    const lines = ["one", "two", "three", "a very long name"].map((name) => ({ name, stroke: "#000" }));
    const places = legendPlaces(lines, 120, (name) => name.length * 8);
    expect(places.map(({ row }) => row)).toEqual([0, 0, 1, 2]);
    expect(places.map(({ left }) => left)).toEqual([0, 57, 0, 0]);
  });
});
