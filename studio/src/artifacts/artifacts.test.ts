import { describe, expect, it } from "vitest";
import { csvTable, loggedTable } from "./csvTable.ts";
import { imageType, isBinary, isReadInPart, previewKind, separatorOf, wholeLines } from "./kinds.ts";

describe("how a file is looked at", () => {
  it.each([
    ["figures/loss.PNG", "image"],
    ["drawing.svg", "image"],
    ["table.csv", "table"],
    ["table.tsv", "table"],
    ["eval.json", "json"],
    ["report.html", "text"],
    ["MLmodel", "text"],
    ["README", "text"],
    ["model.pkl", "none"],
  ])("%s as %s", (path, kind) => {
    expect(previewKind(path)).toBe(kind);
  });

  it("has the type of its name and never that of HTML", () => {
    expect(imageType("a.svg")).toBe("image/svg+xml");
    expect(imageType("a.html")).toBe("application/octet-stream");
    expect(separatorOf("a.tsv")).toBe("\t");
  });

  it("is read in part where lines say something by themselves", () => {
    expect((["table", "text", "json", "image"] as const).map(isReadInPart)).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(wholeLines("a,b\n1,2\n3,")).toBe("a,b\n1,2\n");
    expect(wholeLines("one long line")).toBe("one long line");
  });

  it("is not text with zero bytes in it", () => {
    expect(isBinary("a\u0000b")).toBe(true);
    expect(isBinary("añ")).toBe(false);
  });
});

describe("CSV", () => {
  it("reads quotes, separators and line ends inside of cells", () => {
    const table = csvTable('\ufeffa,b\r\n1,"x, ""y""\nz"\r\n2,\r\n', ",");
    expect(table).toEqual({
      header: ["a", "b"],
      rows: [
        ["1", 'x, "y"\nz'],
        ["2", ""],
      ],
      isCut: false,
    });
  });

  it("reads a last line without an end, and nothing from nothing", () => {
    expect(csvTable("a\n1", ",").rows).toEqual([["1"]]);
    expect(csvTable("", ",")).toEqual({ header: [], rows: [], isCut: false });
  });

  it("stops where a preview ends", () => {
    const text = ["n", ...Array.from({ length: 1000 }, (_, index) => String(index))].join("\n");
    const table = csvTable(text, ",", 10);
    expect(table.rows).toHaveLength(10);
    expect(table.isCut).toBe(true);
  });

  it("is not cut when it just fits", () => {
    expect(csvTable("n\n1\n2\n", ",", 2)).toMatchObject({ rows: [["1"], ["2"]], isCut: false });
  });
});

describe("a table that mlflow.log_table wrote", () => {
  it("is read, whatever its cells are", () => {
    expect(
      loggedTable({
        columns: ["q", 2],
        data: [
          ["a", { b: 1 }],
          [null, 3],
        ],
      }),
    ).toEqual({
      header: ["q", "2"],
      rows: [
        ["a", '{"b":1}'],
        ["null", "3"],
      ],
      isCut: false,
    });
  });

  it.each([null, 3, [], { columns: ["a"] }, { columns: ["a"], data: [1] }])("is not seen in %j", (value) => {
    expect(loggedTable(value)).toBeNull();
  });
});
