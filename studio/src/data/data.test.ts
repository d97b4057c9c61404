import { describe, expect, it } from "vitest";
import type { DataAsset } from "../api/assets.ts";
import { shellWord } from "../parts/quoting.ts";
import { assetInPython, readingText, sourceText } from "./assetWords.ts";
import { datastoreOf } from "./registration.ts";
import { datastoreInPython, datastoreInShell } from "./words.ts";

const reading = (values: Record<string, string>) => (name: string) => values[name] ?? "";
const HERE = { server: "https://lab.example", workspace: "vision" };

describe("registering a datastore", () => {
  it("leaves out what was left empty, and the credential when nothing of it was given", () => {
    expect(datastoreOf("s3", reading({ name: "scans", bucket: "lab" }))).toEqual({
      name: "scans",
      kind: "s3",
      bucket: "lab",
      description: "",
      skip_validation: false,
    });
  });

  it("sends only what belongs to the kind", () => {
    const typed = { name: "x", bucket: "b", account: "lab", access_key_id: "A", sas_token: "S" };
    const body = datastoreOf("azure_blob", reading({ ...typed, skip_validation: "on" }));
    expect(body).toMatchObject({ account: "lab", credential: { sas_token: "S" }, skip_validation: true });
  });
});

describe("lines to copy", () => {
  it("quote what a shell would read otherwise", () => {
    expect(shellWord("raw/2026")).toBe("raw/2026");
    expect(shellWord("it's")).toBe(`'it'"'"'s'`);
    expect(datastoreInShell(HERE, "scans", "a b")).toContain("upload data 'a b' -n scans");
  });

  it("open the workspace on screen", () => {
    expect(datastoreInPython(HERE, "scans", 'a"b')).toContain(
      'Workspace.get("vision", url="https://lab.example")',
    );
    expect(datastoreInPython(HERE, "scans", 'a"b')).toContain('target_path="a\\"b"');
  });
});

describe("a dataset", () => {
  const asset: DataAsset = {
    name: "people",
    version: 3,
    latest_version: 4,
    asset_id: "1",
    kind: "tabular",
    sources: [],
    reading: { format: "delimited", separator: "\t", header: false, encoding: "utf-8" },
    content_sha256: "",
    description: "",
    tags: {},
    created_ms: 0,
    created_by: "",
  };

  it("says how its rows are read", () => {
    expect(readingText(asset)).toBe('delimited by "\\t", without a header');
    expect(readingText({ ...asset, reading: null })).toBe("");
  });

  it("is read in Python as its type is", () => {
    expect(assetInPython(HERE, asset)).toContain('get_by_name(ws, "people", version=3)');
    expect(assetInPython(HERE, asset)).toContain("to_pandas_dataframe");
    expect(assetInPython(HERE, { ...asset, kind: "file" })).toContain("download");
  });

  it("says where each source lies", () => {
    const source = { kind: "datastore", address: "raw/*.csv", datastore: "scans", sha256: "" } as const;
    expect(sourceText(source)).toBe("scans: raw/*.csv");
    expect(sourceText({ ...source, kind: "url", address: "https://x" })).toBe("https://x");
    expect(sourceText({ ...source, kind: "upload" })).toBe("uploaded to this workspace");
  });
});
