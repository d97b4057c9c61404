import { describe, expect, it } from "vitest";
import { type Picture, pictureAt, pictureKeys, pictureOf, stepsOf } from "./pictures.ts";

const at = (key: string, step: number | null): Picture => ({ path: `${key}-${step}.png`, key, step });

describe("a file among the artifacts", () => {
  it.each([
    ["samples/a.png", { key: "samples/a.png", step: null }],
    ["images/roc.png", { key: "images/roc.png", step: null }],
    ["images/dog~left+step+20+timestamp+1700000000000+0e4a-11.png", { key: "dog/left", step: 20 }],
    ["images/dog%step%3%timestamp%1700000000000%0e4a-11.png", { key: "dog", step: 3 }],
    ["images/a+b+step+7+timestamp+17+0e4a.png", { key: "a+b", step: 7 }],
  ])("%s is a picture", (path, { key, step }) => {
    expect(pictureOf(path)).toEqual({ path, key, step });
  });

  it.each(["notes.txt", "model/model.pkl", "images/dog+step+20+timestamp+17+0e4a-11+compressed.webp"])(
    "%s is none, or a copy of one",
    (path) => {
      expect(pictureOf(path)).toBeNull();
    },
  );
});

describe("pictures of several runs", () => {
  const byRun = [
    [at("only-here", null), at("dog", 0), at("dog", 10)],
    [at("dog", 5), at("dog", 10)],
  ];

  it("have the keys that most runs have first", () => {
    expect(pictureKeys(byRun)).toEqual(["dog", "only-here"]);
  });

  it("have the steps of all of them", () => {
    expect(stepsOf(byRun, "dog")).toEqual([0, 5, 10]);
    expect(stepsOf(byRun, "only-here")).toEqual([]);
  });

  it("are those of a step, or the last before it", () => {
    expect(pictureAt(byRun[0] ?? [], "dog", 5)?.step).toBe(0);
    expect(pictureAt(byRun[1] ?? [], "dog", 0)).toBeNull();
    expect(pictureAt(byRun[0] ?? [], "dog", null)?.step).toBe(10);
    expect(pictureAt(byRun[0] ?? [], "only-here", null)?.path).toBe("only-here-null.png");
  });
});
