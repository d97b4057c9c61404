/** Data assets and environments, in the words of Runyard's own API. */
import { putFile, type Sent } from "./datastores.ts";
import { getJson, remove, send, sendJson, withQuery } from "./transport.ts";

export interface DataSource {
  kind: "url" | "datastore" | "upload";
  address: string;
  datastore: string;
  sha256: string;
}

/** How rows are read. */
export interface Reading {
  format: string;
  separator: string;
  header: boolean;
  encoding: string;
}

export interface DataAsset {
  name: string;
  version: number;
  latest_version: number;
  asset_id: string;
  kind: "file" | "tabular";
  sources: DataSource[];
  reading: Reading | null;
  content_sha256: string;
  description: string;
  tags: Record<string, string>;
  created_ms: number;
  created_by: string;
}

interface AssetsPage {
  data_assets: DataAsset[];
  next_page_token: string | null;
}

const ASSETS = "api/v1/data-assets";
const assetAt = (name: string) => `${ASSETS}/${encodeURIComponent(name)}`;
const paged = (path: string, pageToken: string | null) =>
  withQuery(path, { max_results: 100, page_token: pageToken });

export const listAssets = (pageToken: string | null, signal?: AbortSignal) =>
  getJson<AssetsPage>(paged(ASSETS, pageToken), signal);
export const listAssetVersions = (name: string, pageToken: string | null, signal?: AbortSignal) =>
  getJson<AssetsPage>(paged(`${assetAt(name)}/versions`, pageToken), signal);

/** A version of a data asset; null asks for the latest. */
export async function getAsset(
  name: string,
  version: string | null,
  signal?: AbortSignal,
): Promise<DataAsset> {
  const path = withQuery(assetAt(name), { version });
  return (await getJson<{ data_asset: DataAsset }>(path, signal)).data_asset;
}

export async function getAssetById(assetId: string, signal?: AbortSignal): Promise<DataAsset> {
  const path = `api/v1/data-asset-versions/${encodeURIComponent(assetId)}`;
  return (await getJson<{ data_asset: DataAsset }>(path, signal)).data_asset;
}

/** Where files of the workspace lie that are a run's, a model's or a dataset's. */
const FILES = "api/2.0/mlflow-artifacts/artifacts/";
const NAME_BYTES = 16;

/** A new folder of the workspace for the files of a dataset, which nobody else has. */
export function uploadFolder(): string {
  const drawn = window.crypto.getRandomValues(new Uint8Array(NAME_BYTES));
  return `data-assets/${[...drawn].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

export const fileIn = (folder: string, path: string) =>
  FILES + [...folder.split("/"), ...path.split("/")].map(encodeURIComponent).join("/");

/** Send a file into such a folder. */
export const uploadForAsset = (folder: string, path: string, sent: Sent) =>
  putFile(fileIn(folder, path), sent);

/** Take back what was uploaded, as nothing comes of it. */
export const takeBackUpload = (folder: string) => remove(FILES + folder);

export interface NewAsset {
  name: string;
  kind: DataAsset["kind"];
  sources: Partial<DataSource>[];
  reading: Reading | null;
  as_new_version: boolean;
}

/** Answers the version that it is: the latest one where that is the same. */
export async function registerAsset(
  body: NewAsset & Pick<DataAsset, "description" | "tags">,
): Promise<DataAsset> {
  return (await sendJson<{ data_asset: DataAsset }>("POST", ASSETS, body)).data_asset;
}

export const changeAsset = (
  assetId: string,
  change: { description?: string; tags?: Record<string, string> },
) => sendJson("PATCH", `api/v1/data-asset-versions/${encodeURIComponent(assetId)}`, change);

/** Delete a version of a data asset, or with null all of them. */
export async function deleteAsset(name: string, version: number | null): Promise<void> {
  await send(withQuery(assetAt(name), { version }), { method: "DELETE" });
}

export interface Environment {
  name: string;
  version: number;
  latest_version: number;
  python: {
    user_managed: boolean;
    interpreter: string;
    conda: { channels: string[]; packages: string[]; pip: string[] };
  };
  docker: { image: string; dockerfile: string; shm_size: string };
  variables: Record<string, string>;
  description: string;
  tags: Record<string, string>;
  is_archived: boolean;
  is_curated: boolean;
  created_ms: number;
  created_by: string;
}

interface EnvironmentsPage {
  environments: Environment[];
  /** Those that come with the server; only the first page has them. */
  curated?: Environment[];
  next_page_token: string | null;
}

const ENVIRONMENTS = "api/v1/environments";
const environmentAt = (name: string) => `${ENVIRONMENTS}/${encodeURIComponent(name)}`;

export const listEnvironments = (withArchived: boolean, pageToken: string | null, signal?: AbortSignal) =>
  getJson<EnvironmentsPage>(
    withQuery(ENVIRONMENTS, {
      max_results: 100,
      page_token: pageToken,
      with_archived: withArchived ? true : null,
    }),
    signal,
  );
export const listEnvironmentVersions = (name: string, pageToken: string | null, signal?: AbortSignal) =>
  getJson<EnvironmentsPage>(paged(`${environmentAt(name)}/versions`, pageToken), signal);

/** A version of an environment; null asks for the one registered last. */
export async function getEnvironment(
  name: string,
  version: string | null,
  signal?: AbortSignal,
): Promise<Environment> {
  const path = withQuery(environmentAt(name), { version });
  return (await getJson<{ environment: Environment }>(path, signal)).environment;
}

export type NewEnvironment = Pick<Environment, "name" | "python" | "docker" | "variables">;

/** Answers the version that it is, which is an older one where that is the same. */
export async function registerEnvironment(
  body: NewEnvironment & Pick<Environment, "description" | "tags">,
): Promise<Environment> {
  return (await sendJson<{ environment: Environment }>("POST", ENVIRONMENTS, body)).environment;
}

export const changeEnvironment = (
  name: string,
  change: { description?: string; tags?: Record<string, string>; is_archived?: boolean },
) => sendJson("PATCH", environmentAt(name), change);
