import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { DATASTORE_KINDS, type DatastoreKind, registerDatastore } from "../api/datastores.ts";
import { go } from "../app/location.ts";
import { datastoreHash } from "../app/route.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { CheckField, ChoiceField, TextField, textOf } from "../parts/fields.tsx";
import { CREDENTIALS, datastoreOf, PLACES } from "./registration.ts";
import { KIND_NAMES } from "./words.ts";

const KIND_OPTIONS = DATASTORE_KINDS.map((kind) => [kind, KIND_NAMES[kind]] as const);

export function RegisterDatastoreDialog({ onClose }: { onClose: () => void }) {
  const [kind, setKind] = useState<DatastoreKind>("folder");
  const queries = useQueryClient();
  return (
    <Dialog
      title="Register a datastore"
      action="Register"
      onClose={onClose}
      onConfirm={async (form) => {
        const wanted = datastoreOf(kind, (name) => textOf(form, name));
        await registerDatastore(wanted);
        await queries.invalidateQueries({ queryKey: ["datastores"] });
        go(datastoreHash(wanted.name));
      }}
    >
      <TextField label="Name" name="name" required maxLength={255} hint="Letters, digits, '_' and '-'." />
      <ChoiceField
        label="Kind"
        name="kind"
        options={KIND_OPTIONS}
        value={kind}
        onChange={(event) => setKind(event.target.value as DatastoreKind)}
      />
      {PLACES[kind].map(({ name, label, hint, isRequired }) => (
        <TextField
          key={`${kind} ${name}`}
          label={label}
          name={name}
          required={isRequired ?? false}
          {...(hint ? { hint } : {})}
        />
      ))}
      {CREDENTIALS[kind].map(({ name, label }) => (
        <TextField
          key={`${kind} ${name}`}
          label={label}
          name={name}
          type={name === "access_key_id" ? "text" : "password"}
          autoComplete="off"
        />
      ))}
      {CREDENTIALS[kind].length > 0 && (
        <p className="hint">
          The server keeps the credential encrypted and shows it to nobody. Without one, what is public is
          read.
        </p>
      )}
      <TextField label="Description" name="description" />
      {kind !== "folder" && (
        <CheckField name="skip_validation">Register it without looking whether it can be listed</CheckField>
      )}
    </Dialog>
  );
}
