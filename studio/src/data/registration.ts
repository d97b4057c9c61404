/** What registering a datastore asks for, by its kind. Pure: the form and its body come from this table. */
import type { DatastoreKind, NewDatastore } from "../api/datastores.ts";

export interface Part {
  name: string;
  label: string;
  hint?: string;
  isRequired?: boolean;
}

const PREFIX: Part = { name: "prefix", label: "Folder in it", hint: "Left empty, all of it." };
const ENDPOINT: Part = {
  name: "endpoint",
  label: "Endpoint",
  hint: "Only of a service of your own; an administrator must have named its host.",
};

export const PLACES: Record<DatastoreKind, Part[]> = {
  folder: [
    {
      name: "folder",
      label: "Folder of the server",
      hint: "One that an administrator has named. Left empty, a new one in the server's own store.",
    },
  ],
  s3: [
    { name: "bucket", label: "Bucket", isRequired: true },
    PREFIX,
    { name: "region", label: "Region" },
    ENDPOINT,
  ],
  azure_blob: [
    { name: "account", label: "Storage account", isRequired: true },
    { name: "bucket", label: "Container", isRequired: true },
    PREFIX,
    ENDPOINT,
  ],
  gcs: [{ name: "bucket", label: "Bucket", isRequired: true }, PREFIX, ENDPOINT],
};

/** What requests may be signed with; nothing of it is ever shown again. */
export const CREDENTIALS: Record<DatastoreKind, Part[]> = {
  folder: [],
  s3: [
    { name: "access_key_id", label: "Access key id" },
    { name: "secret_access_key", label: "Secret access key" },
    { name: "session_token", label: "Session token" },
  ],
  azure_blob: [
    { name: "account_key", label: "Account key" },
    { name: "sas_token", label: "or a SAS token" },
  ],
  gcs: [{ name: "service_account_key", label: "Key of a service account (JSON)" }],
};

/** The body that a filled form stands for; what was left empty is left out. */
export function datastoreOf(kind: DatastoreKind, text: (name: string) => string): NewDatastore {
  const given = (parts: Part[]) =>
    Object.fromEntries(parts.map(({ name }) => [name, text(name)]).filter(([, value]) => value !== ""));
  const credential = given(CREDENTIALS[kind]);
  return {
    ...given(PLACES[kind]),
    name: text("name"),
    kind,
    description: text("description"),
    skip_validation: text("skip_validation") === "on",
    ...(Object.keys(credential).length > 0 ? { credential } : {}),
  };
}
