import { describe, expect, it } from "vitest";
import type { NewDistribution } from "../api/submission.ts";
import type { Sweep, SweepWithWanted } from "../api/sweeps.ts";
import { beforeOf } from "./newJob.ts";
import {
  distributionFrom,
  distributionLine,
  NEVER,
  parametersFrom,
  parametersText,
  stoppingOf,
} from "./searching.ts";

describe("the values of a parameter", () => {
  it.each<[string, NewDistribution]>([
    ["0.1, 0.01", { kind: "choice", values: [0.1, 0.01] }],
    [`adam, sgd, true, "2"`, { kind: "choice", values: ["adam", "sgd", true, "2"] }],
    [`"a, b", "say \\"x\\"", "", "1..2"`, { kind: "choice", values: ["a, b", 'say "x"', "", "1..2"] }],
    [`"normal(0, 1)"`, { kind: "choice", values: ["normal(0, 1)"] }],
    ["0..1", { kind: "uniform", low: 0, high: 1 }],
    ["0.0001..0.1 log", { kind: "uniform", low: 1e-4, high: 0.1, is_log: true }],
    ["1..10 whole step 2", { kind: "integer", low: 1, high: 10, step: 2 }],
    ["1..1024 whole log", { kind: "integer", low: 1, high: 1024, is_log: true }],
    ["-1..-0.5 step 0.1", { kind: "uniform", low: -1, high: -0.5, step: 0.1 }],
    ["normal(0, 1)", { kind: "normal", mean: 0, deviation: 1 }],
    ["lognormal(-3, 0.5) step 0.1", { kind: "normal", mean: -3, deviation: 0.5, is_log: true, step: 0.1 }],
  ])("are written as %j and come back so", (text, from) => {
    expect(distributionFrom("x", text)).toEqual(from);
    expect(distributionLine(from)).toBe(text);
  });

  it.each<[string, NewDistribution]>([
    ["1 .. 10 whole  step 2", { kind: "integer", low: 1, high: 10, step: 2 }],
    ["uniform(0,1)", { kind: "uniform", low: 0, high: 1 }],
    ["quniform(0, 1, 0.25)", { kind: "uniform", low: 0, high: 1, step: 0.25 }],
    ["qnormal(0, 1, 0.5)", { kind: "normal", mean: 0, deviation: 1, step: 0.5 }],
    ["qlognormal(0, 1, 2)", { kind: "normal", mean: 0, deviation: 1, is_log: true, step: 2 }],
  ])("may be written as %j too", (text, from) => expect(distributionFrom("x", text)).toEqual(from));

  it.each([
    ["low..high", /said in numbers/],
    ["0..1 step fine", /said in numbers/],
    ["normal(, 1)", /said in numbers/],
    ["normal(0)", /normal\(mean, deviation\)/],
    ["loguniform(-3, -1)", /0\.0001\.\.0\.1 log/],
    ["a,, b", /empty/],
    ["", /empty/],
  ])("are refused as %j", (text, why) => expect(() => distributionFrom("x", text)).toThrow(why));

  it("are those of each line, and must be some", () => {
    expect(() => parametersFrom(" \n")).toThrow(/parameter/);
    const text = "lr=0..1\n--depth=1, 2";
    expect(Object.keys(parametersFrom(text))).toEqual(["lr", "--depth"]);
    expect(parametersText(parametersFrom(text))).toBe(text);
  });

  it("come back from all that a server says of them", () => {
    const rest = { low: 0, high: 0, mean: 0, deviation: 0, is_log: false, step: 0, values: [] };
    const texts = ["a\nb", 'q"', "7", "true", " x ", "plain/text-1", "é"];
    for (const from of [
      { ...rest, kind: "choice" as const, values: [...texts, 7, true, 1e-9] },
      { ...rest, kind: "normal" as const, mean: 1, deviation: 2, is_log: true },
    ]) {
      expect({ ...rest, ...distributionFrom("x", distributionLine(from)) }).toEqual(from);
    }
  });
});

function formOf(fields: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return form;
}

describe("the rule by which trials are ended early", () => {
  const none = { every: 1, delay: 0, slack_factor: 0, slack_amount: 0, percentage: 0 };

  it.each([
    [{ stopping: NEVER, "stopping.every": "5" }, null],
    [{ stopping: "median" }, { ...none, kind: "median" }],
    [
      { stopping: "bandit", "stopping.slack_factor": "0.1", "stopping.every": "2", "stopping.delay": "5" },
      { ...none, kind: "bandit", slack_factor: 0.1, every: 2, delay: 5 },
    ],
    [
      { stopping: "truncation", "stopping.percentage": "20" },
      { ...none, kind: "truncation", percentage: 20 },
    ],
  ])("is read from %j", (fields, rule) => expect(stoppingOf(formOf(fields))).toEqual(rule));
});

describe("a sweep that is submitted again", () => {
  const wanted = {
    experiment_id: "7",
    tags: { team: "vision" },
    environment: { name: "training", version: 3 },
    metric: "loss",
  };

  it("begins with what the one before was", () => {
    const found = { sweep: { run_id: "r1" } as Sweep, wanted } as unknown as SweepWithWanted;
    const before = beforeOf(found);
    expect(before?.job).toMatchObject({ experiment_id: "7", run_id: "r1" });
    expect(before?.run.tags.get("team")).toBe("vision");
    expect(before?.environment).toBe(wanted.environment);
    expect(before?.search?.metric).toBe("loss");
    expect(beforeOf({ ...found, wanted: null })).toBeUndefined();
  });
});
