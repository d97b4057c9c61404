import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useCaller } from "../api/caller.ts";
import { type ApiKey, listKeys, revokeKey } from "../api/identity.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { SearchField } from "../parts/SearchField.tsx";
import { SecretDialog } from "../parts/SecretDialog.tsx";
import { Empty } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { Time } from "../parts/Time.tsx";
import { NewKeyDialog } from "./NewKeyDialog.tsx";

const KIND_TEXTS: Record<ApiKey["kind"], string> = {
  key: "API key",
  session: "Browser session",
  login: "Login of a machine",
};

type Asked = { what: "new" } | { what: "revoke"; key: ApiKey } | { what: "secret"; secret: string };

/** API keys, and what acts like one: sessions of browsers and logins of machines. */
export function KeysPanel({ isOfAll = false }: { isOfAll?: boolean }) {
  const queries = useQueryClient();
  const caller = useCaller();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [search, setSearch] = useState("");
  const [isWithEnded, setIsWithEnded] = useState(false);
  const query = useQuery({
    queryKey: ["keys", isOfAll],
    queryFn: ({ signal }) => listKeys(isOfAll, signal),
  });
  const refresh = () => queries.invalidateQueries({ queryKey: ["keys"] });
  const close = () => setAsked((now) => (now?.what === "secret" ? now : null));
  const matches = (key: ApiKey) =>
    (isWithEnded || key.is_active) &&
    `${key.name} ${key.principal} ${key.key_id}`.toLowerCase().includes(search.toLowerCase());

  return (
    <Loaded query={query} label="Loading API keys">
      {(all) => {
        const shown = all.filter(matches);
        return (
          <>
            <TableCard
              title={isOfAll ? "API keys of all" : "My API keys"}
              count={shown.length}
              columns={["Name", ...(isOfAll ? ["Owner"] : []), "May at most", "~Made", "Ends", "-Actions"]}
              tools={
                <>
                  {all.length > 8 && <SearchField label="Search keys" value={search} onChange={setSearch} />}
                  <label className="check">
                    <input
                      type="checkbox"
                      checked={isWithEnded}
                      onChange={(event) => setIsWithEnded(event.target.checked)}
                    />
                    Ended ones too
                  </label>
                  {!isOfAll && (
                    <button
                      type="button"
                      className="button primary"
                      onClick={() => setAsked({ what: "new" })}
                    >
                      <Icon name="plus" /> New API key
                    </button>
                  )}
                </>
              }
              instead={
                shown.length === 0 && (
                  <Empty title={search ? "No key matches" : "No API keys"}>
                    {!search && (
                      <p className="quiet">
                        {isOfAll
                          ? "Make the first one for somebody under People or Service principals."
                          : "Make one for each machine or script that logs here."}
                      </p>
                    )}
                  </Empty>
                )
              }
            >
              {shown.map((key) => (
                <tr key={key.key_id} className={key.is_active ? "" : "ended"}>
                  <td>
                    <span className="strong wrap-anywhere">{key.name}</span>
                    <div className="quiet">
                      {key.kind !== "key" && <>{KIND_TEXTS[key.kind]} · </>}
                      <code>{key.key_id}</code>
                    </div>
                  </td>
                  {isOfAll && <td className="wrap-anywhere">{key.principal}</td>}
                  <td>
                    {key.scope}
                    {key.workspace && <div className="quiet wrap-anywhere">in {key.workspace}</div>}
                  </td>
                  <td className="wide-only">
                    <Time ms={key.created_ms} isRelative />
                  </td>
                  <td>
                    <Ending of={key} />
                  </td>
                  <td className="end">
                    {key.is_active && (
                      <button
                        type="button"
                        className="button small danger"
                        aria-label={`Revoke ${key.name}`}
                        onClick={() => setAsked({ what: "revoke", key })}
                      >
                        Revoke
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </TableCard>
            {asked?.what === "new" && caller && (
              <NewKeyDialog
                caller={caller}
                onMade={async (secret) => {
                  setAsked({ what: "secret", secret });
                  await refresh();
                }}
                onClose={close}
              />
            )}
            {asked?.what === "revoke" && (
              <Dialog
                title={`Revoke “${asked.key.name}”?`}
                action="Revoke"
                isDanger
                onClose={close}
                onConfirm={async () => {
                  await revokeKey(asked.key.key_id);
                  await refresh();
                }}
              >
                <p>
                  Within a second it is refused, and so is every token and session that was made from it.
                  There is no way back.
                </p>
              </Dialog>
            )}
            {asked?.what === "secret" && (
              <SecretDialog title="Your new API key" secret={asked.secret} onClose={() => setAsked(null)} />
            )}
          </>
        );
      }}
    </Loaded>
  );
}

function Ending({ of }: { of: ApiKey }) {
  if (of.revoked_ms !== null) {
    return (
      <>
        <span className="pill bad">Revoked</span> <Time ms={of.revoked_ms} isRelative />
      </>
    );
  }
  if (of.expires_ms === null)
    return <span className="quiet">{of.is_active ? "never" : "owner disabled"}</span>;
  return <Time ms={of.expires_ms} />;
}
