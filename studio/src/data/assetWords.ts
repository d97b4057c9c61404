/** What people read of datasets, and the lines that do the same elsewhere. Pure. */
import type { DataAsset, DataSource } from "../api/assets.ts";
import { type Address, openInPython, openInShell } from "../parts/opening.ts";
import { pythonText, shellWord } from "../parts/quoting.ts";

export const KINDS_OF_ASSETS = { file: "Files", tabular: "Rows" } as const;

/** Where a source lies, in one line. */
export function sourceText({ kind, address, datastore }: DataSource): string {
  if (kind === "datastore") return `${datastore}: ${address}`;
  return kind === "upload" ? "uploaded to this workspace" : address;
}

export function readingText({ reading }: DataAsset): string {
  if (reading === null) return "";
  const words: Record<string, string> = {
    delimited: "delimited",
    json_lines: "JSON lines",
    parquet: "Parquet",
  };
  const format = words[reading.format] ?? reading.format;
  if (reading.format !== "delimited") return format;
  return `${format} by ${JSON.stringify(reading.separator)}, ${reading.header ? "with" : "without"} a header`;
}

export const registerInPython = (address: Address) =>
  [
    "from runyard import Dataset, Workspace",
    "",
    openInPython(address),
    'Dataset.Tabular.from_delimited_files("people.csv").register(ws, "people")',
  ].join("\n");

export const assetInPython = (address: Address, { name, version, kind }: DataAsset) =>
  [
    "from runyard import Dataset, Workspace",
    "",
    openInPython(address),
    `data = Dataset.get_by_name(ws, ${pythonText(name)}, version=${version})`,
    kind === "tabular" ? "frame = data.to_pandas_dataframe()" : "paths = data.download()",
  ].join("\n");

export function assetInShell(address: Address, { name, version }: DataAsset): string {
  const place = openInShell(address);
  return [
    `runyard data show ${shellWord(name)} --version ${version} ${place}`,
    `runyard data download ${shellWord(name)} --version ${version} ${place}`,
  ].join("\n");
}
