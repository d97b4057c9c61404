import { describe, expect, it } from "vitest";
import { linesFrom, pairsFrom, pairsText } from "./pairLines.ts";

describe("pairs in a field", () => {
  it("are read a line each, and written as they are read", () => {
    expect(pairsFrom(" team=vision \n\nnote = a=b\n")).toEqual({ team: "vision", note: "a=b" });
    expect(pairsFrom(pairsText({ a: "1", b: "" }))).toEqual({ a: "1", b: "" });
    expect(pairsFrom("")).toEqual({});
  });

  it.each(["team", "=x"])("are not read from %j, which is said by its name", (text) => {
    expect(() => pairsFrom(text)).toThrow("Write a tag as key=value");
    expect(() => pairsFrom(text, "variable")).toThrow("Write a variable as key=value");
  });

  it("leave out lines that say nothing", () => {
    expect(linesFrom("a\n\n  \n b \n")).toEqual(["a", "b"]);
  });
});
