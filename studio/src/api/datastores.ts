/** The datastores of the workspace and the files in them, in the words of Runyard's own API. */
import { prefix } from "./address.ts";
import { lost, restored } from "./connection.ts";
import { failureOf, getJson, remove, sendJson, Unreachable, withQuery } from "./transport.ts";

export const DATASTORE_KINDS = ["folder", "s3", "azure_blob", "gcs"] as const;
export type DatastoreKind = (typeof DATASTORE_KINDS)[number];

export interface Datastore {
  name: string;
  kind: DatastoreKind;
  bucket: string;
  prefix: string;
  endpoint: string;
  region: string;
  account: string;
  folder: string;
  has_credential: boolean;
  description: string;
  is_built_in: boolean;
  is_default: boolean;
  created_ms: number;
  created_by: string;
  updated_ms: number;
}

export interface NewDatastore {
  name: string;
  kind: DatastoreKind;
  description: string;
  skip_validation: boolean;
  credential?: Record<string, string>;
  [part: string]: string | boolean | Record<string, string> | undefined;
}

export interface DatastoreFile {
  path: string;
  is_dir: boolean;
  size_bytes: number | null;
}

interface FilesPage {
  files: DatastoreFile[];
  next_page_token: string | null;
}

const BASE = "api/v1/datastores";
const one = (name: string) => `${BASE}/${encodeURIComponent(name)}`;
export const filePath = (name: string, path: string) =>
  `${one(name)}/files/${path.split("/").map(encodeURIComponent).join("/")}`;

export async function listDatastores(signal?: AbortSignal): Promise<Datastore[]> {
  return (await getJson<{ datastores: Datastore[] }>(BASE, signal)).datastores;
}

export async function getDatastore(name: string, signal?: AbortSignal): Promise<Datastore> {
  return (await getJson<{ datastore: Datastore }>(one(name), signal)).datastore;
}

export const registerDatastore = (body: NewDatastore) => sendJson("POST", BASE, body);
export const unregisterDatastore = (name: string) => remove(one(name));
export const setDefaultDatastore = (name: string) => sendJson("POST", `${one(name)}/set-default`, {});

export const listFiles = (name: string, path: string, pageToken: string | null, signal?: AbortSignal) =>
  getJson<FilesPage>(
    withQuery(`${one(name)}/files`, { path, max_results: 200, page_token: pageToken }),
    signal,
  );

export const deleteFiles = (name: string, path: string) => remove(filePath(name, path));
export const fileAddress = (name: string, path: string) => prefix() + filePath(name, path);

export interface Sent {
  file: Blob;
  onProgress: (sentBytes: number) => void;
  signal: AbortSignal;
}

export interface Upload extends Sent {
  name: string;
  path: string;
  overwrite: boolean;
}

/** Send one file to a datastore. */
export const uploadFile = ({ name, path, overwrite, ...sent }: Upload) =>
  putFile(withQuery(filePath(name, path), { overwrite: overwrite ? true : null }), sent);

/** Send one file. `fetch` tells nothing of what was sent so far, so this is the browser's older way. */
export function putFile(address: string, { file, onProgress, signal }: Sent): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", prefix() + address);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onerror = () => {
      lost();
      reject(new Unreachable());
    };
    request.onabort = () => reject(new DOMException("The upload was cancelled.", "AbortError"));
    request.onload = () => {
      if (request.status < 300) {
        restored();
        resolve();
      } else reject(failureOf(request.status, request.responseText, request.statusText));
    };
    signal.addEventListener("abort", () => request.abort());
    if (signal.aborted) reject(new DOMException("The upload was cancelled.", "AbortError"));
    else request.send(file);
  });
}
