import { useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { createKey, createPrincipal, type Principal } from "../api/identity.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { CheckField, TextField, textOf } from "../parts/fields.tsx";

interface Props {
  kind: "person" | "service";
  title: string;
  /** Called with the first API key, or null when none was asked for. */
  onAdded: (name: string, secret: string | null) => void;
  onClose: () => void;
}

/** Adds somebody and makes their first API key. */
export function AddPrincipalDialog({ kind, title, onAdded, onClose }: Props) {
  const queries = useQueryClient();
  // When only the key fails, trying again must not add the same one twice.
  const added = useRef<Principal | null>(null);

  async function add(form: FormData) {
    const name = textOf(form, "name");
    if (added.current?.name !== name) {
      added.current = await createPrincipal({
        name,
        kind,
        email: textOf(form, "email") || null,
        is_administrator: form.get("administrator") === "on",
      });
      await queries.invalidateQueries({ queryKey: ["principals"] });
    }
    if (form.get("key") !== "on") return onAdded(name, null);
    const secret = await createKey({
      name: "first key",
      scope: null,
      workspace: null,
      lifetime_days: null,
      principal: added.current.principal_id,
    });
    await queries.invalidateQueries({ queryKey: ["keys"] });
    onAdded(name, secret);
  }

  return (
    <Dialog title={title} action="Add" onClose={onClose} onConfirm={add}>
      <TextField label="Name" name="name" required />
      {kind === "person" && (
        <TextField
          label="Email"
          name="email"
          type="email"
          hint="Optional. It ties them to an identity provider's account with this address."
        />
      )}
      <CheckField name="administrator">Administrator of this server</CheckField>
      <CheckField name="key" isOn>
        Make a first API key, to sign in with
      </CheckField>
    </Dialog>
  );
}
