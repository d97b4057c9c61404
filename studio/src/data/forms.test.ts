import { describe, expect, it } from "vitest";
import type { DataAsset, DataSource, Environment } from "../api/assets.ts";
import type { DatastoreFile } from "../api/datastores.ts";
import type { ChosenFile } from "../files/chosenFiles.ts";
import { filesAt, folderOf, MOST_FILES, patternOf, plainPart, storeOf } from "./assetFiles.ts";
import { addressOf, assetOf, chosenOf, separatorsWith } from "./assetForm.ts";
import { contentHash } from "./contentHash.ts";
import { environmentOf } from "./environmentForm.ts";

const reading = (values: Record<string, string>) => (name: string) => values[name] ?? "";
const source: DataSource = { kind: "datastore", address: "raw/*.csv", datastore: "scans", sha256: "" };

describe("registering an environment", () => {
  it("reads a line for each package, and nothing from empty fields", () => {
    const made = environmentOf(
      reading({ name: "training", pip: "pandas\n\n scikit-learn>=1.6 ", conda: "python=3.11" }),
    );
    expect(made).toEqual({
      name: "training",
      python: {
        user_managed: false,
        interpreter: "python",
        conda: { channels: [], packages: ["python=3.11"], pip: ["pandas", "scikit-learn>=1.6"] },
      },
      docker: { image: "", dockerfile: "", shm_size: "" },
      variables: {},
    });
  });

  it("reads channels in a line, and says what a variable is written like", () => {
    const { python } = environmentOf(reading({ channels: "conda-forge, bioconda nvidia" }));
    expect(python.conda.channels).toEqual(["conda-forge", "bioconda", "nvidia"]);
    expect(() => environmentOf(reading({ variables: "OMP" }))).toThrow("Write a variable as key=value");
  });

  it("leaves what it doesn't ask for, and what nobody touched, as it was in the version before", () => {
    const base = {
      python: { user_managed: true, interpreter: "/opt/py", conda: { channels: [], packages: [], pip: [] } },
      docker: { image: "", dockerfile: "FROM python:3.11\n", shm_size: "2g" },
      variables: { TEXT: "two\nlines" },
    } satisfies Partial<Environment>;
    const typed = { name: "x", dockerfile: "FROM python:3.11", variables: "TEXT=two\nlines" };
    const { name: _, ...made } = environmentOf(reading(typed), base);
    expect(made).toEqual(base);
    expect(environmentOf(reading({ dockerfile: "FROM x" }), base).docker.dockerfile).toBe("FROM x");
  });
});

describe("registering a dataset", () => {
  const inStore = { kind: "file", format: "delimited", place: "datastore" } as const;

  it("names a path in a datastore, and reads no rows from files", () => {
    const typed = { name: " people ", datastore: "scans", path: " raw/2026 ", separator: ";" };
    expect(assetOf(reading(typed), inStore)).toEqual({
      name: "people",
      kind: "file",
      sources: [{ kind: "datastore", datastore: "scans", address: "raw/2026" }],
      reading: null,
      as_new_version: false,
    });
  });

  it("names addresses of the web, one a line", () => {
    const typed = { urls: "https://a.example/1.csv\nhttps://a.example/2.csv", as_new_version: "on" };
    const made = assetOf(reading(typed), { ...inStore, place: "url" });
    expect(made.sources.map(({ address }) => address)).toEqual([
      "https://a.example/1.csv",
      "https://a.example/2.csv",
    ]);
    expect(made.as_new_version).toBe(true);
  });

  it("names the folder that files were uploaded to, and what they are", () => {
    const typed = {
      name: "people",
      uploaded: "data-assets/0f",
      sha256: "a".repeat(64),
      path: "of another place",
    };
    const { sources } = assetOf(reading(typed), { ...inStore, place: "upload" });
    expect(sources).toEqual([{ kind: "upload", address: "data-assets/0f", sha256: "a".repeat(64) }]);
  });

  it("keeps a separator that is a space or a tab", () => {
    const rows = { ...inStore, kind: "tabular" } as const;
    expect(assetOf(reading({ separator: "\t" }), rows).reading).toEqual({
      format: "delimited",
      separator: "\t",
      header: false,
      encoding: "utf-8",
    });
  });

  it("keeps what the form has no field for", () => {
    const base = {
      format: "delimited",
      separator: "||",
      header: true,
      encoding: "latin-1",
      include_path: true,
    };
    const rows = { kind: "tabular", format: "parquet", place: "datastore" } as const;
    expect(assetOf(reading({}), rows, base).reading).toEqual({ ...base, format: "parquet" });
    expect(separatorsWith("||")).toContainEqual(["||", "||"]);
    expect(separatorsWith(",")).toEqual(separatorsWith(undefined));
  });

  it("begins a version where the one before is", () => {
    const asset = { kind: "tabular", sources: [source], reading: { format: "json_lines" } };
    const started = (part: object) => chosenOf({ ...asset, ...part } as DataAsset);
    expect(started({})).toEqual({ kind: "tabular", format: "json_lines", place: "datastore" });
    expect(started({ sources: [{ ...source, kind: "upload" }] }).place).toBe("upload");
    expect(started({ sources: [{ ...source, kind: "url" }], reading: null })).toMatchObject({
      format: "delimited",
      place: "url",
    });
    expect(chosenOf()).toEqual({ kind: "file", format: "delimited", place: "datastore" });
  });

  it("lies where its files were uploaded to", () => {
    const file = (path: string): ChosenFile => ({ path, file: {} as File });
    expect(addressOf("people/1", [file("a.csv")])).toBe("people/1/a.csv");
    expect(addressOf("people/1", [file("a.csv"), file("b.csv")])).toBe("people/1");
  });
});

describe("the hash of files", () => {
  const file = (path: string, text: string): ChosenFile => ({ path, file: new File([text], path) });
  const signal = new AbortController().signal;

  it("is the one that Python's SDK makes, whatever order they come in", async () => {
    // hashlib.sha256(b"5 b.csv " + sha256(b"2\n").hexdigest() + ...), in the order of the names' code points.
    const files = [file("\u{1f600}.csv", "3\n"), file("b.csv", "2\n"), file("\uff5e.csv", "")];
    const expected = "49ec096c46f41aecabeb82270f3e5b2857d1cab7a1c53a5a6ea8a70f0440b9c6";
    expect(await contentHash(files, signal)).toBe(expected);
    expect(await contentHash([...files].reverse(), signal)).toBe(expected);
    expect(await contentHash([file("b.csv", "3\n")], signal)).not.toBe(expected);
  });

  it("ends when nobody waits for it", async () => {
    await expect(contentHash([file("b.csv", "2\n")], AbortSignal.abort())).rejects.toThrow();
  });
});

describe("the files of a dataset", () => {
  const file = (path: string): DatastoreFile => ({ path, is_dir: false, size_bytes: 1 });
  const folder = (path: string): DatastoreFile => ({ path, is_dir: true, size_bytes: null });
  const tree: Record<string, DatastoreFile[]> = {
    raw: [folder("raw/x"), file("raw/a.csv"), file("raw/b.txt")],
    "raw/x": [file("raw/x/c.csv")],
    "raw/a.csv": [file("raw/a.csv")],
  };
  const list = async (path: string) => ({ files: tree[path] ?? [], next_page_token: null });
  const namesAt = async (path: string) => (await filesAt(path, list)).files.map((one) => one.path);

  it("lie in a datastore, those that were uploaded with the workspace's own", () => {
    expect(storeOf({ ...source, address: "/raw/" })).toEqual({ store: "scans", path: "raw" });
    expect(storeOf({ ...source, kind: "upload", address: "data-assets/0a" })).toEqual({
      store: "workspaceartifactstore",
      path: "data-assets/0a",
    });
    expect(storeOf({ ...source, kind: "url" })).toBeNull();
  });

  it.each([
    ["raw/a.csv", ["raw/a.csv"]],
    ["raw", ["raw/a.csv", "raw/b.txt", "raw/x/c.csv"]],
    ["raw/*.csv", ["raw/a.csv"]],
    ["raw/**/*.csv", ["raw/a.csv", "raw/x/c.csv"]],
    ["raw/[!a].*", ["raw/b.txt"]],
    ["raw/?.csv", ["raw/a.csv"]],
    ["none", []],
  ])("of %s are those that fit it", async (path, names) => {
    expect(await namesAt(path)).toEqual(names);
  });

  it("begin in the folder before the first wildcard", () => {
    expect(plainPart("raw/2026/*.csv")).toBe("raw/2026");
    expect(plainPart("*.csv")).toBe("");
    expect(plainPart("raw/a.csv")).toBe("raw/a.csv");
    expect(["raw/*.csv", "raw/a.csv", "raw", "raw/x"].map(folderOf)).toEqual(["raw", "raw", "", "raw"]);
    expect(patternOf("a+b(1).csv").test("a+b(1).csv")).toBe(true);
    expect(patternOf("a.csv").test("a-csv")).toBe(false);
  });

  it("are read page by page, and no further than a page can show", async () => {
    const pages = async (_: string, token: string | null) => ({
      files: [file(`raw/${token ?? 0}`)],
      next_page_token: token === "2" ? null : String(Number(token ?? 0) + 1),
    });
    expect(await filesAt("raw", pages)).toEqual({
      files: [file("raw/0"), file("raw/1"), file("raw/2")],
      isCut: false,
    });
    const many = Array.from({ length: MOST_FILES + 1 }, (_, index) => file(`raw/${index}`));
    const found = await filesAt("raw", async () => ({ files: many, next_page_token: null }));
    expect(found.files).toHaveLength(MOST_FILES);
    expect(found.isCut).toBe(true);
    const endless = async (path: string) => ({ files: [folder(`${path}/x`)], next_page_token: null });
    expect(await filesAt("raw", endless)).toEqual({ files: [], isCut: true });
  });
});
