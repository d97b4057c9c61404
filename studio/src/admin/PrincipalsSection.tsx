import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useCaller } from "../api/caller.ts";
import { changePrincipal, createKey, listPrincipals, type Principal } from "../api/identity.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { CheckField, TextField, textOf } from "../parts/fields.tsx";
import { Icon } from "../parts/Icon.tsx";
import { IconButton } from "../parts/IconButton.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { SearchField } from "../parts/SearchField.tsx";
import { SecretDialog } from "../parts/SecretDialog.tsx";
import { Empty } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { Time } from "../parts/Time.tsx";
import { AddPrincipalDialog } from "./AddPrincipalDialog.tsx";

type Kind = "person" | "service";
type Asked =
  | { what: "add" }
  | { what: "change" | "switch" | "key"; of: Principal }
  | { what: "secret"; name: string; secret: string };

const WORDS = {
  person: {
    title: "People",
    add: "Add a person",
    empty: "Nobody has been added yet",
    next: "Add the people who work here. Each gets an API key to sign in with, and roles in workspaces.",
  },
  service: {
    title: "Service principals",
    add: "Add a service principal",
    empty: "No service principals yet",
    next: "A service principal is what a pipeline or another program calls itself, with keys of its own.",
  },
};

export function PrincipalsSection({ kind }: { kind: Kind }) {
  const words = WORDS[kind];
  const queries = useQueryClient();
  const caller = useCaller();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [search, setSearch] = useState("");
  const query = useQuery({
    queryKey: ["principals", kind],
    queryFn: ({ signal }) => listPrincipals(kind, signal),
  });
  const refresh = () => queries.invalidateQueries({ queryKey: ["principals"] });
  const close = () => setAsked((now) => (now?.what === "secret" ? now : null));
  const matches = (one: Principal) =>
    `${one.name} ${one.email ?? ""}`.toLowerCase().includes(search.toLowerCase());
  const add = (
    <button type="button" className="button primary" onClick={() => setAsked({ what: "add" })}>
      <Icon name="plus" /> {words.add}
    </button>
  );

  return (
    <Loaded query={query} label={`Loading: ${words.title}`}>
      {(all) => (
        <>
          <TableCard
            title={words.title}
            count={all.length}
            columns={["Name", "State", "~Added", "-Actions"]}
            tools={
              <>
                {all.length > 8 && <SearchField label="Search by name" value={search} onChange={setSearch} />}
                {add}
              </>
            }
            instead={
              all.length === 0 && (
                <Empty title={words.empty}>
                  <p className="quiet">{words.next}</p>
                </Empty>
              )
            }
          >
            {all.filter(matches).map((one) => (
              <tr key={one.principal_id} className={one.is_disabled ? "ended" : ""}>
                <td>
                  <span className="strong wrap-anywhere">{one.name}</span>
                  {one.principal_id === caller?.principal_id && <span className="quiet"> (you)</span>}
                  {one.email && <div className="quiet wrap-anywhere">{one.email}</div>}
                </td>
                <td>
                  <span className="row wrap">
                    {one.is_disabled && <span className="pill bad">Disabled</span>}
                    {one.is_administrator && <span className="pill live">Administrator</span>}
                    {!one.is_disabled && !one.is_administrator && <span className="pill">Active</span>}
                  </span>
                </td>
                <td className="wide-only">
                  <Time ms={one.created_ms} isRelative />
                </td>
                <td className="end actions">
                  <IconButton
                    icon="pencil"
                    label={`Change ${one.name}`}
                    onClick={() => setAsked({ what: "change", of: one })}
                  />
                  <IconButton
                    icon="key"
                    label={`New API key for ${one.name}`}
                    onClick={() => setAsked({ what: "key", of: one })}
                  />
                  <IconButton
                    icon={one.is_disabled ? "restore" : "ban"}
                    label={`${one.is_disabled ? "Enable" : "Disable"} ${one.name}`}
                    onClick={() => setAsked({ what: "switch", of: one })}
                  />
                </td>
              </tr>
            ))}
          </TableCard>
          {asked?.what === "add" && (
            <AddPrincipalDialog
              kind={kind}
              title={words.add}
              onAdded={(name, secret) => setAsked(secret === null ? null : { what: "secret", name, secret })}
              onClose={close}
            />
          )}
          {asked?.what === "change" && <ChangeDialog of={asked.of} onChanged={refresh} onClose={close} />}
          {asked?.what === "switch" && <SwitchDialog of={asked.of} onChanged={refresh} onClose={close} />}
          {asked?.what === "key" && (
            <Dialog
              title={`New API key for ${asked.of.name}`}
              action="Make the key"
              onClose={close}
              onConfirm={async (form) => {
                const secret = await createKey({
                  name: textOf(form, "name"),
                  scope: null,
                  workspace: null,
                  lifetime_days: null,
                  principal: asked.of.principal_id,
                });
                setAsked({ what: "secret", name: asked.of.name, secret });
                await queries.invalidateQueries({ queryKey: ["keys"] });
              }}
            >
              <TextField label="What it is for" name="name" required placeholder="laptop" />
            </Dialog>
          )}
          {asked?.what === "secret" && (
            <SecretDialog
              title={`API key of ${asked.name}`}
              secret={asked.secret}
              onClose={() => setAsked(null)}
            />
          )}
        </>
      )}
    </Loaded>
  );
}

interface OneProps {
  of: Principal;
  onChanged: () => Promise<void>;
  onClose: () => void;
}

function ChangeDialog({ of, onChanged, onClose }: OneProps) {
  return (
    <Dialog
      title={`Change ${of.name}`}
      action="Save"
      onClose={onClose}
      onConfirm={async (form) => {
        await changePrincipal(of.principal_id, {
          name: textOf(form, "name"),
          ...(of.kind === "person" ? { email: textOf(form, "email") } : {}),
          is_administrator: form.get("administrator") === "on",
        });
        await onChanged();
      }}
    >
      <TextField label="Name" name="name" required defaultValue={of.name} />
      {of.kind === "person" && (
        <TextField label="Email" name="email" type="email" defaultValue={of.email ?? ""} />
      )}
      <CheckField name="administrator" isOn={of.is_administrator}>
        Administrator of this server
      </CheckField>
    </Dialog>
  );
}

function SwitchDialog({ of, onChanged, onClose }: OneProps) {
  return (
    <Dialog
      title={of.is_disabled ? `Enable ${of.name}?` : `Disable ${of.name}?`}
      action={of.is_disabled ? "Enable" : "Disable"}
      isDanger={!of.is_disabled}
      onClose={onClose}
      onConfirm={async () => {
        await changePrincipal(of.principal_id, { is_disabled: !of.is_disabled });
        await onChanged();
      }}
    >
      <p>
        {of.is_disabled
          ? "Their API keys and roles are good again."
          : "They are refused within a second, with whatever credential. Their roles and keys stay, for when they are enabled again."}
      </p>
    </Dialog>
  );
}
