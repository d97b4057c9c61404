/** What people read of datastores, and the lines that do the same elsewhere. Pure. */
import type { Datastore, DatastoreKind } from "../api/datastores.ts";
import { type Address, openInPython, openInShell } from "../parts/opening.ts";
import { pythonText, shellWord } from "../parts/quoting.ts";

export const KIND_NAMES: Record<DatastoreKind, string> = {
  folder: "Folder of the server",
  s3: "S3 bucket",
  azure_blob: "Azure Blob container",
  gcs: "Google Cloud Storage bucket",
};

/** Holds what belongs to runs and models: the server deletes nothing of it by path. */
export const ARTIFACT_STORE = "workspaceartifactstore";

export const lastOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);

/** The address of its root, in the form that its kind has for that. */
export function whereOf({ kind, bucket, prefix, account, folder }: Datastore): string {
  const path = [bucket, prefix].filter(Boolean).join("/");
  if (kind === "s3") return `s3://${path}`;
  if (kind === "gcs") return `gs://${path}`;
  if (kind === "azure_blob") return [account, path].filter(Boolean).join(": ");
  return folder || "in the server's own store";
}

export function datastoreInPython(address: Address, name: string, folder: string): string {
  return [
    "from runyard import Datastore, Workspace",
    "",
    openInPython(address),
    `store = Datastore.get(ws, ${pythonText(name)})`,
    `store.upload(src_dir="data", target_path=${pythonText(folder || "raw")})`,
    `store.download(target_path="here", prefix=${pythonText(folder || "raw")})`,
  ].join("\n");
}

export function datastoreInShell(address: Address, name: string, folder: string): string {
  const place = `-n ${shellWord(name)} ${openInShell(address)}`;
  const path = shellWord(folder || "raw");
  return [
    `runyard datastore upload data ${path} ${place}`,
    `runyard datastore ls ${path} ${place}`,
    `runyard datastore download ${path} here ${place}`,
  ].join("\n");
}
