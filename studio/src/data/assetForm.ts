/** A dataset as the fields of a form hold it. Pure. */
import type { DataAsset, DataSource, NewAsset, Reading } from "../api/assets.ts";
import type { ChosenFile } from "../files/chosenFiles.ts";
import { pathIn } from "../files/uploads.ts";
import { linesFrom } from "../parts/pairLines.ts";

export const PLACES_OF_DATA = [
  ["datastore", "In a datastore"],
  ["url", "On the web"],
  ["machine", "On this machine, to go into a datastore"],
  ["upload", "On this machine, to be kept with the dataset"],
] as const;
export type PlaceOfData = (typeof PLACES_OF_DATA)[number][0];

export const FORMATS = [
  ["delimited", "Delimited text, as CSV"],
  ["json_lines", "JSON lines"],
  ["parquet", "Parquet"],
] as const;
export type Format = (typeof FORMATS)[number][0];

const SEPARATORS = [
  [",", "Comma"],
  [";", "Semicolon"],
  ["\t", "Tab"],
  ["|", "Vertical bar"],
  [" ", "Space"],
] as const;

/** The separators to choose from; one that a version has is always among them. */
export const separatorsWith = (own: string | undefined): (readonly [string, string])[] =>
  own === undefined || SEPARATORS.some(([value]) => value === own)
    ? [...SEPARATORS]
    : [...SEPARATORS, [own, own]];

/** What the choices of a form are at. */
export interface Chosen {
  kind: DataAsset["kind"];
  format: Format;
  place: PlaceOfData;
}

/** Where a form begins that makes the next version of a dataset. */
export function chosenOf(base?: DataAsset): Chosen {
  const format = FORMATS.find(([value]) => value === base?.reading?.format)?.[0] ?? "delimited";
  const place = base?.sources[0]?.kind;
  return {
    kind: base?.kind ?? "file",
    format,
    place: place ?? "datastore",
  };
}

/** The body that a filled form stands for; of what it has no field for, that of `base` stays. */
export function assetOf(
  text: (name: string) => string,
  { kind, format, place }: Chosen,
  base: Reading | null = null,
): NewAsset {
  return {
    name: text("name").trim(),
    kind,
    sources: sourcesOf(text, place),
    reading: kind === "tabular" ? readingOf(text, format, base) : null,
    as_new_version: text("as_new_version") === "on",
  };
}

function sourcesOf(text: (name: string) => string, place: PlaceOfData): Partial<DataSource>[] {
  if (place === "url") return webSources(text("urls"));
  if (place === "upload") return [{ kind: "upload", address: text("uploaded"), sha256: text("sha256") }];
  return [datastoreSource(text)];
}

const webSources = (urls: string) =>
  linesFrom(urls).map((address): Partial<DataSource> => ({ kind: "url", address }));

const datastoreSource = (text: (name: string) => string): Partial<DataSource> => ({
  kind: "datastore",
  datastore: text("datastore"),
  address: text("path").trim(),
});

function readingOf(text: (name: string) => string, format: Format, base: Reading | null): Reading {
  const kept = { separator: ",", header: true, encoding: "utf-8", ...base, format };
  if (format !== "delimited") return kept;
  const encoding = text("encoding").trim() || "utf-8";
  return { ...kept, separator: text("separator"), header: text("header") === "on", encoding };
}

/** Where files lie once they were uploaded to a folder: of one file its path, else the folder. */
export function addressOf(folder: string, files: ChosenFile[]): string {
  const [only] = files;
  return files.length === 1 && only ? pathIn(folder, only.path) : folder;
}
