import { describe, expect, it } from "vitest";
import type { DataAsset } from "../api/assets.ts";
import {
  assetOf,
  assetWords,
  inputOfAsset,
  inputsElsewhere,
  inputsFrom,
  inputsText,
  withAsset,
} from "./inputs.ts";

type Source = DataAsset["sources"][number];
const source = (kind: Source["kind"], address: string, datastore = ""): Source => ({
  kind,
  address,
  datastore,
  sha256: "",
});

function assetWith(change: Partial<DataAsset>): DataAsset {
  const sources = [source("datastore", "/people/**", "store")];
  const asset = { name: "people", version: 3, asset_id: "a3", kind: "file", sources, ...change };
  return { content_sha256: "0123456789abcdef01", ...asset } as DataAsset;
}

const PEOPLE = assetWith({});
const ASSETS = new Map([
  ["@people:3", PEOPLE],
  ["@people", PEOPLE],
]);

describe("the inputs of a job", () => {
  const several = {
    places: [
      { datastore: "s", path: "a" },
      { datastore: "s", path: "b" },
    ],
    asset_id: "",
  };
  const dataset = { places: [{ datastore: "store", path: "people" }], asset_id: "a3" };

  it("is one place a line", () => {
    expect(inputsFrom("scans=store:/raw/2026/\nall=store:")).toEqual({
      scans: { places: [{ datastore: "store", path: "raw/2026" }], asset_id: "" },
      all: { places: [{ datastore: "store", path: "" }], asset_id: "" },
    });
    expect(() => inputsFrom("scans=raw")).toThrow(/name=datastore:path/);
    expect(() => inputsFrom("scans")).toThrow(/input/);
  });

  it("stays as it was where no line can tell of it", () => {
    const before = { several, dataset, one: { places: [{ datastore: "s", path: "x" }], asset_id: "" } };
    expect(inputsText(before)).toBe("one=s:x");
    expect(inputsElsewhere(before)).toEqual(["several", "dataset"]);
    expect(inputsFrom("one=s:y", before)).toEqual({
      several,
      dataset,
      one: { places: [{ datastore: "s", path: "y" }], asset_id: "" },
    });
  });

  it("may be datasets, as the latest or as one version", () => {
    expect(assetWords("a=@people:3\nb=@people\nc=@people:3\nd=store:x")).toEqual(["@people:3", "@people"]);
    expect(assetOf("@a b:c:12")).toEqual(["a b:c", "12"]);
    expect(assetOf("@people")).toEqual(["people", null]);
    expect(assetOf("store:people")).toBeNull();
    expect(inputsFrom("a=@people:3\nb=@people", {}, ASSETS)).toEqual({ a: dataset, b: dataset });
  });

  it("tell of the datasets before, which may then be taken out", () => {
    const before = { faces: dataset, several };
    expect(inputsText(before, ASSETS)).toBe("faces=@people:3");
    expect(inputsElsewhere(before, ASSETS)).toEqual(["several"]);
    expect(inputsFrom("faces=@people:3", before, ASSETS)).toEqual(before);
    expect(inputsFrom("", before, ASSETS)).toEqual({ several });
  });

  it("get one more line of a dataset, under a name of its own", () => {
    const asset = { name: "2 faces é", version: 1 };
    const text = withAsset("  scans=s:raw\n\n", asset);
    expect(text).toBe("scans=s:raw\n_2_faces_=@2 faces é:1");
    expect(withAsset("people=s:x\npeople_2=s:y", PEOPLE)).toMatch(/\npeople_3=@people:3$/);
  });
});

describe("a dataset as an input", () => {
  it("is brought where its files are in datastores or were uploaded", () => {
    const sources = [source("datastore", "a.csv", "s"), source("upload", "/data-assets/ab/")];
    expect(inputOfAsset(assetWith({ sources })).places).toEqual([
      { datastore: "s", path: "a.csv" },
      { datastore: "", path: "data-assets/ab" },
    ]);
  });

  it.each([
    ["a table", { kind: "tabular" as const }],
    ["files of the web", { sources: [source("datastore", "a", "s"), source("url", "https://a.org/b")] }],
    ["a pattern", { sources: [source("datastore", "2026/*.csv", "s")] }],
  ])("is told by its id where it is %s", (_, change) =>
    expect(inputOfAsset(assetWith(change))).toEqual({ places: [], asset_id: "a3" }),
  );
});
