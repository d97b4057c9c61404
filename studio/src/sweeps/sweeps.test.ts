import { describe, expect, it } from "vitest";
import type { Distribution, Sweep, Trial, TrialsPage } from "../api/sweeps.ts";
import { nearest } from "./plotOptions.ts";
import { allTrials, bestSoFar, hasMore, lengthOf, measured, ordered, orderOf, scaleOf } from "./trials.ts";
import {
  countsText,
  distributionText,
  lookOf,
  progressOf,
  stoppingText,
  sweepInPython,
  sweepInShell,
} from "./words.ts";

function trialOf(number: number, change: Partial<Trial> = {}): Trial {
  return {
    number,
    run_id: String(number),
    parameters: {},
    status: "completed",
    value: number,
    started_ms: null,
    ended_ms: null,
    reason: "",
    ...change,
  };
}

function from(change: Partial<Distribution>): Distribution {
  return {
    kind: "uniform",
    values: [],
    low: 0,
    high: 0,
    mean: 0,
    deviation: 0,
    is_log: false,
    step: 0,
    ...change,
  };
}

const numbersOf = (trials: Trial[]) => trials.map(({ number }) => number);

describe("fetching trials", () => {
  function server(pages: Trial[][]) {
    const asked: (string | null)[] = [];
    const fetch = async (token: string | null): Promise<TrialsPage> => {
      asked.push(token);
      const at = Number(token ?? 0);
      return { trials: pages[at] ?? [], next_page_token: at + 1 < pages.length ? String(at + 1) : null };
    };
    return { asked, fetch };
  }

  it("asks for all pages, and of those that are over never again", async () => {
    const open = trialOf(3, { status: "running", value: null });
    const { asked, fetch } = server([[trialOf(0), trialOf(1)], [trialOf(2), open], [trialOf(4)]]);
    const pages = await allTrials([], fetch);
    expect(numbersOf(pages.flatMap(({ trials }) => trials))).toEqual([0, 1, 2, 3, 4]);
    expect(asked).toEqual([null, "1", "2"]);
    asked.length = 0;
    const again = await allTrials(pages, fetch);
    expect(again).toEqual(pages);
    // The first is over. The last may get more.
    expect(asked).toEqual(["1", "2"]);
  });
});

describe("whether more comes of the trials that are there", () => {
  const pages = (...trials: Trial[]): TrialsPage[] => [{ trials, next_page_token: null }];
  const sweep = (status: Sweep["status"], trials: Sweep["trials"]) => ({ status, trials }) as Sweep;

  it("does while the sweep runs, and until all of one that is over are there with their ends", () => {
    const done = sweep("completed", { completed: 1, stopped: 1 });
    const running = trialOf(1, { status: "running", value: null });
    expect(hasMore(pages(trialOf(0)), sweep("running", { completed: 1 }))).toBe(true);
    expect(hasMore(undefined, done)).toBe(true);
    expect(hasMore(pages(trialOf(0)), undefined)).toBe(true);
    expect(hasMore(pages(trialOf(0)), done)).toBe(true);
    expect(hasMore(pages(trialOf(0), running), done)).toBe(true);
    expect(hasMore(pages(trialOf(0), trialOf(1, { status: "stopped" })), done)).toBe(false);
  });
});

describe("trials in an order", () => {
  const trials = [
    trialOf(0, { value: 0.5, parameters: { depth: 10, kind: "b", lr: true } }),
    trialOf(1, { value: null, parameters: { depth: 9, kind: "a10", lr: false } }),
    trialOf(2, { value: 0.5, parameters: { depth: 2, kind: "a9", lr: true } }),
    trialOf(3, { value: -1, parameters: {} }),
  ];

  it("are the best first, those without a value last, and equal ones by number", () => {
    expect(numbersOf(ordered(trials, "value", false))).toEqual([3, 0, 2, 1]);
    expect(numbersOf(ordered(trials, "value", true))).toEqual([0, 2, 3, 1]);
  });

  it("are ordered by numbers as numbers and by texts as people do", () => {
    expect(numbersOf(ordered(trials, orderOf("depth"), false))).toEqual([2, 1, 0, 3]);
    expect(numbersOf(ordered(trials, orderOf("kind"), false))).toEqual([2, 1, 0, 3]);
    expect(numbersOf(ordered(trials, orderOf("lr"), true))).toEqual([0, 2, 1, 3]);
    expect(numbersOf(ordered(trials, "number", true))).toEqual([3, 2, 1, 0]);
  });

  it("are ordered by how long they have run until now", () => {
    const ran = [
      trialOf(0, { started_ms: 10, ended_ms: 20 }),
      trialOf(1, { started_ms: 5 }),
      trialOf(2, { started_ms: 10, ended_ms: 15 }),
      trialOf(3),
    ];
    expect(ran.map((trial) => lengthOf(trial, 105))).toEqual([10, 100, 5, null]);
    expect(numbersOf(ordered(ran, "duration", true, 105))).toEqual([1, 0, 2, 3]);
  });

  it("are ordered by why they failed, those that did not last both ways", () => {
    const ran = [trialOf(0), trialOf(1, { reason: "exit code 3" }), trialOf(2, { reason: "exit code 12" })];
    expect(numbersOf(ordered(ran, "reason", false))).toEqual([1, 2, 0]);
    expect(numbersOf(ordered(ran, "reason", true))).toEqual([2, 1, 0]);
  });
});

describe("points of charts", () => {
  it("are of trials with a value that have not failed", () => {
    const trials = [trialOf(0), trialOf(1, { value: null }), trialOf(2, { status: "failed" })];
    expect(numbersOf(measured([...trials, trialOf(3, { status: "stopped" })]))).toEqual([0, 3]);
  });

  it("have a best so far that never gets worse", () => {
    expect(bestSoFar([3, 4, 1, 2], "minimize")).toEqual([3, 3, 1, 1]);
    expect(bestSoFar([3, 4, 1, 5], "maximize")).toEqual([3, 4, 4, 5]);
    expect(bestSoFar([], "maximize")).toEqual([]);
  });

  it("stand where their numbers are, or one beside the other by name", () => {
    const numbers = scaleOf(from({ is_log: true }), [0.1, undefined, 10]);
    expect([numbers.names, numbers.isLog, numbers.at(0.1), numbers.at(undefined)]).toEqual([
      null,
      true,
      0.1,
      null,
    ]);
    expect(scaleOf(from({ is_log: true }), [0, 1]).isLog).toBe(false);
    const names = scaleOf(from({ kind: "choice", values: ["adam", "sgd", true] }), ["sgd", 3]);
    expect(names.names).toEqual(["adam", "sgd", "true", "3"]);
    expect([names.at("sgd"), names.at(3), names.at(true), names.at(undefined)]).toEqual([1, 3, 2, null]);
  });

  it("are found near the pointer", () => {
    const position = (value: number) => value * 10;
    const near = (left: number, top: number) => nearest([1, 5, 9], [1, null, 2], { left, top }, position);
    expect(near(12, 12)).toBe(0);
    expect(near(80, 25)).toBe(2);
    expect(near(50, 60)).toBeNull();
  });
});

describe("words of sweeps", () => {
  const running: Pick<Sweep, "status" | "is_closed"> = { status: "running", is_closed: true };

  it("say where a sweep is", () => {
    expect(lookOf(running).text).toBe("Ending");
    expect(lookOf({ ...running, is_closed: false }).text).toBe("Running");
    expect(lookOf({ status: "canceled", is_closed: true }).text).toBe("Canceled");
    const trials = { open: 2, completed: 3, stopped: 1 };
    expect(progressOf({ trials, max_trials: 20 })).toBe("4 of 20");
    expect(countsText(trials)).toBe("2 open, 3 completed, 1 stopped early");
    expect(countsText({})).toBe("none yet");
  });

  it("say where values come from", () => {
    expect(distributionText(from({ kind: "choice", values: [1, "a", true] }))).toBe("one of 1, a, true");
    const many = from({ kind: "choice", values: [1, 2, 3, 4, 5, 6, 7, 8] });
    expect(distributionText(many)).toBe("one of 1, 2, 3, 4, 5, 6 and 2 more");
    expect(distributionText(from({ low: 0.001, high: 1, is_log: true }))).toBe(
      "0.001 to 1, by its logarithm",
    );
    expect(distributionText(from({ kind: "integer", low: 2, high: 8, step: 2 }))).toBe(
      "2 to 8, whole numbers, by 2",
    );
    expect(distributionText(from({ kind: "normal", mean: 1, deviation: 0.5 }))).toBe("around 1 ± 0.5");
  });

  it("say when trials are ended early", () => {
    const rule = { every: 1, delay: 0, slack_factor: 0, slack_amount: 0, percentage: 0 };
    expect(stoppingText(null)).toBe("never");
    expect(stoppingText({ ...rule, kind: "bandit", slack_factor: 0.5, delay: 2, every: 3 })).toBe(
      "those more than 50 % worse than the best, looked at every 3 points, not before 2 points",
    );
    expect(stoppingText({ ...rule, kind: "bandit", slack_amount: 0.1 })).toContain("by more than 0.1");
    expect(stoppingText({ ...rule, kind: "median" })).toContain("the median");
    expect(stoppingText({ ...rule, kind: "truncation", percentage: 20 })).toContain("the worst 20 %");
  });

  it("are lines that submit one", () => {
    const address = { server: "http://127.0.0.1:5000", workspace: "a b" };
    expect(sweepInShell(address)).toBe(
      "runyard sweep submit --url http://127.0.0.1:5000 -w 'a b' sweep.toml",
    );
    expect(sweepInPython(address)).toContain('Workspace.get("a b", url="http://127.0.0.1:5000")');
  });
});
