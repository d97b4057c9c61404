/** People, groups, roles and API keys, in the words of Runyard's own API. */
import { getJson, remove, sendJson, withQuery } from "./transport.ts";

export type PrincipalKind = "person" | "service" | "group";
export const ROLES = ["reader", "contributor", "owner"] as const;
export const PERMISSIONS = ["IDENTIFY", "READ", "CONTRIBUTE", "MANAGE", "ADMINISTER"] as const;
export type Permission = (typeof PERMISSIONS)[number];

export interface Caller {
  name: string;
  scope: string;
  workspace: string | null;
  expires_ms: number | null;
  principal_id: string;
  is_administrator: boolean;
  is_local_owner: boolean;
  key_kind: string | null;
  roles: Record<string, string>;
  experiment_roles: Record<string, Record<string, string>>;
  permission: Permission;
}

export interface Principal {
  principal_id: string;
  name: string;
  kind: PrincipalKind;
  email: string | null;
  is_administrator: boolean;
  is_disabled: boolean;
  created_ms: number;
  disabled_ms: number | null;
}

export interface Grant {
  principal_id: string;
  principal: string;
  kind: PrincipalKind;
  role: string;
  experiment_id: string | null;
  granted_ms: number;
  granted_by: string;
}

export interface ApiKey {
  key_id: string;
  name: string;
  kind: "key" | "session" | "login";
  principal_id: string;
  principal: string;
  scope: string;
  workspace: string | null;
  created_ms: number;
  expires_ms: number | null;
  revoked_ms: number | null;
  is_active: boolean;
}

export interface NewPrincipal {
  name: string;
  kind: PrincipalKind;
  email: string | null;
  is_administrator: boolean;
}

export interface NewKey {
  name: string;
  scope: string | null;
  workspace: string | null;
  lifetime_days: number | null;
  principal: string | null;
}

const PRINCIPALS = "api/v1/principals";
const one = (id: string) => `${PRINCIPALS}/${encodeURIComponent(id)}`;
const membersOf = (groupId: string) => `api/v1/groups/${encodeURIComponent(groupId)}/members`;
const member = (groupId: string, name: string) => `${membersOf(groupId)}/${encodeURIComponent(name)}`;

export const getCaller = (signal?: AbortSignal) => getJson<Caller>("api/v1/caller", signal);

export async function listPrincipals(kind: PrincipalKind | null, signal?: AbortSignal): Promise<Principal[]> {
  return (await getJson<{ principals: Principal[] }>(withQuery(PRINCIPALS, { kind }), signal)).principals;
}

export async function createPrincipal(body: NewPrincipal): Promise<Principal> {
  return (await sendJson<{ principal: Principal }>("POST", PRINCIPALS, body)).principal;
}

export type PrincipalChange = Partial<Pick<Principal, "name" | "is_administrator" | "is_disabled">> & {
  email?: string;
};

export const changePrincipal = (id: string, change: PrincipalChange) =>
  sendJson<{ principal: Principal }>("PATCH", one(id), change);

export async function listMembers(groupId: string, signal?: AbortSignal): Promise<Principal[]> {
  return (await getJson<{ principals: Principal[] }>(membersOf(groupId), signal)).principals;
}

export const addMember = (groupId: string, name: string) => sendJson("PUT", member(groupId, name), {});
export const removeMember = (groupId: string, id: string) => remove(member(groupId, id));

export async function listGrants(experimentId: string | null, signal?: AbortSignal): Promise<Grant[]> {
  const path = withQuery("api/v1/grants", { experiment_id: experimentId });
  return (await getJson<{ grants: Grant[] }>(path, signal)).grants;
}

export const setGrant = (principal: string, role: string, experimentId: string | null) =>
  sendJson("PUT", "api/v1/grants", {
    principal,
    role,
    ...(experimentId === null ? {} : { experiment_id: experimentId }),
  });

export const removeGrant = (grant: Grant) =>
  remove(withQuery("api/v1/grants", { principal: grant.principal_id, experiment_id: grant.experiment_id }));

/** One's own API keys, or as an administrator those of all. */
export async function listKeys(ofAll: boolean, signal?: AbortSignal): Promise<ApiKey[]> {
  const path = withQuery("api/v1/keys", { principal: ofAll ? "*" : null });
  return (await getJson<{ keys: ApiKey[] }>(path, signal)).keys;
}

/** Answers the secret itself, which can't be asked for again. */
export async function createKey(body: NewKey): Promise<string> {
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
  return (await sendJson<{ api_key: string }>("POST", "api/v1/keys", given)).api_key;
}

export const revokeKey = (keyId: string) => remove(`api/v1/keys/${encodeURIComponent(keyId)}`);
