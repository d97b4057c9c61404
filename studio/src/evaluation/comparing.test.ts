import { describe, expect, it } from "vitest";
import type { Assessment, Trace } from "../api/traceTypes.ts";
import { comparedRows, isDifferent, summaries } from "./comparing.ts";

const opinion = (name: string, value: unknown, more: Partial<Assessment> = {}) =>
  ({ name, value, kind: "feedback", isValid: true, error: "", createdMs: 0, ...more }) as Assessment;

const trace = (request: string, response: string, assessments: Assessment[] = [], startedMs = 0) =>
  ({ requestPreview: request, responsePreview: response, state: "OK", assessments, startedMs }) as Trace;

describe("two evaluations side by side", () => {
  it("have the same request in one row, those of the first one first", () => {
    const rows = comparedRows([trace("b", "1"), trace("a", "1")], [trace("a", "2"), trace("c", "3")]);
    expect(
      rows.map(({ request, left, right }) => [request, left?.responsePreview, right?.responsePreview]),
    ).toEqual([
      ["b", "1", undefined],
      ["a", "1", "2"],
      ["c", undefined, "3"],
    ]);
  });

  it("have a request that was asked twice in two rows, the older answers together", () => {
    const left = [trace("a", "late", [], 9), trace("a", "early", [], 1)];
    const rows = comparedRows(left, [trace("a", "only", [], 5)]);
    expect(rows.map((row) => [row.left?.responsePreview, row.right?.responsePreview])).toEqual([
      ["early", "only"],
      ["late", undefined],
    ]);
  });

  it("differ in what was answered, in what is thought of it, and where one was not asked", () => {
    const [same] = comparedRows(
      [trace("a", "1", [opinion("good", true)])],
      [trace("a", "1", [opinion("good", true)])],
    );
    const [answer] = comparedRows([trace("a", "1")], [trace("a", "2")]);
    const [judged] = comparedRows(
      [trace("a", "1", [opinion("good", true)])],
      [trace("a", "1", [opinion("good", false)])],
    );
    const [half] = comparedRows([trace("a", "1", [opinion("good", true)])], [trace("a", "1")]);
    const [alone] = comparedRows([trace("a", "1", [opinion("good", true)])], []);
    const all = [same, answer, judged, half, alone];
    expect(all.map((row) => row && isDifferent(row))).toEqual([false, true, true, true, true]);
    expect(all.map((row) => row?.isAnswerDifferent)).toEqual([false, true, false, false, false]);
    // Nothing is said to differ from what is not there.
    expect(alone?.opinions.map((one) => one.isDifferent)).toEqual([false]);
  });

  it("count the latest valid feedback of a name alone", () => {
    const [row] = comparedRows(
      [
        trace("a", "1", [
          opinion("good", "late", { createdMs: 5 }),
          opinion("good", "early", { createdMs: 1 }),
          opinion("good", "overridden", { createdMs: 9, isValid: false }),
          opinion("wanted", "x", { kind: "expectation" }),
        ]),
      ],
      [],
    );
    expect(row?.opinions.map(({ name, left }) => [name, left?.value])).toEqual([["good", "late"]]);
  });
});

describe("what evaluations come to", () => {
  it("is a mean of numbers, a share of yes, or a count", () => {
    const left = [
      trace("a", "", [opinion("score", 1), opinion("good", true), opinion("tone", "warm")]),
      trace("b", "", [opinion("score", 2), opinion("good", "no"), opinion("tone", "cold")]),
    ];
    const right = [trace("a", "", [opinion("score", 4), opinion("good", null, { error: "it broke" })])];
    expect(summaries(comparedRows(left, right))).toEqual([
      {
        name: "good",
        left: { count: 2, mean: 0.5, isShare: true },
        right: { count: 0, mean: null, isShare: false },
      },
      {
        name: "score",
        left: { count: 2, mean: 1.5, isShare: false },
        right: { count: 1, mean: 4, isShare: false },
      },
      {
        name: "tone",
        left: { count: 2, mean: null, isShare: false },
        right: { count: 0, mean: null, isShare: false },
      },
    ]);
    expect(summaries([])).toEqual([]);
  });
});
