/** The calls of MLflow's model registry that the Studio makes. */
import { containing, quoted } from "./grammar.ts";
import { getJson, send, sendJson, withQuery } from "./transport.ts";
import type { ModelVersion, Page, RegisteredModel } from "./types.ts";
import { modelVersionOf, registeredModelOf } from "./wire.ts";

const MLFLOW = "ajax-api/2.0/mlflow/";
type Json = Record<string, unknown>;

export const REGISTRY_KINDS = ["models", "prompts"] as const;
export type RegistryKind = (typeof REGISTRY_KINDS)[number];

const IS_PROMPT = "tags.`mlflow.prompt.is_prompt` = 'true'";

/** Without a condition on the tag of prompts the server answers models alone. */
export function registryFilter(kind: RegistryKind, text: string): string {
  return [kind === "prompts" ? IS_PROMPT : "", text ? containing("name", text) : ""]
    .filter(Boolean)
    .join(" AND ");
}

interface RegistryQuestion {
  /** A part of the name of models; the name of the model whose versions are asked for. */
  text: string;
  orderBy: string;
  pageToken: string | null;
}

export async function searchRegisteredModels(
  kind: RegistryKind,
  { text, orderBy, pageToken }: RegistryQuestion,
  signal?: AbortSignal,
): Promise<Page<RegisteredModel>> {
  const path = withQuery(`${MLFLOW}registered-models/search`, {
    filter: registryFilter(kind, text),
    order_by: orderBy,
    max_results: 100,
    page_token: pageToken,
  });
  const answer = await getJson<{ registered_models?: Json[]; next_page_token?: string }>(path, signal);
  return {
    items: (answer.registered_models ?? []).map(registeredModelOf),
    nextToken: answer.next_page_token || null,
  };
}

export async function getRegisteredModel(name: string, signal?: AbortSignal): Promise<RegisteredModel> {
  const answer = await getJson<{ registered_model: Json }>(
    withQuery(`${MLFLOW}registered-models/get`, { name }),
    signal,
  );
  return registeredModelOf(answer.registered_model);
}

export async function searchModelVersions(
  kind: RegistryKind,
  { text: name, orderBy, pageToken }: RegistryQuestion,
  signal?: AbortSignal,
): Promise<Page<ModelVersion>> {
  const path = withQuery(`${MLFLOW}model-versions/search`, {
    filter: [kind === "prompts" ? IS_PROMPT : "", `name = ${quoted(name)}`].filter(Boolean).join(" AND "),
    order_by: orderBy,
    max_results: 100,
    page_token: pageToken,
  });
  const answer = await getJson<{ model_versions?: Json[]; next_page_token?: string }>(path, signal);
  return {
    items: (answer.model_versions ?? []).map(modelVersionOf),
    nextToken: answer.next_page_token || null,
  };
}

export async function getModelVersion(
  name: string,
  version: string,
  signal?: AbortSignal,
): Promise<ModelVersion> {
  const answer = await getJson<{ model_version: Json }>(
    withQuery(`${MLFLOW}model-versions/get`, { name, version }),
    signal,
  );
  return modelVersionOf(answer.model_version);
}

export const createRegisteredModel = (name: string) =>
  sendJson<Json>("POST", `${MLFLOW}registered-models/create`, { name });
export const describeRegisteredModel = (name: string, description: string) =>
  sendJson<Json>("PATCH", `${MLFLOW}registered-models/update`, { name, description });
export const deleteRegisteredModel = (name: string) => discard("registered-models/delete", { name });
export const describeModelVersion = (name: string, version: string, description: string) =>
  sendJson<Json>("PATCH", `${MLFLOW}model-versions/update`, { name, version, description });
export const deleteModelVersion = (name: string, version: string) =>
  discard("model-versions/delete", { name, version });
export const setAlias = (name: string, alias: string, version: string) =>
  sendJson<Json>("POST", `${MLFLOW}registered-models/alias`, { name, alias, version });
export const deleteAlias = (name: string, alias: string) =>
  discard("registered-models/alias", { name, alias });

async function discard(path: string, named: Record<string, string>): Promise<void> {
  await send(withQuery(MLFLOW + path, named), { method: "DELETE" });
}
