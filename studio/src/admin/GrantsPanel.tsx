import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { workspaceName } from "../api/address.ts";
import { may, mayShare, useCaller } from "../api/caller.ts";
import { type Grant, listGrants, ROLES, removeGrant, setGrant } from "../api/identity.ts";
import { shareHash } from "../app/route.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { ChoiceField, TextField, textOf } from "../parts/fields.tsx";
import { Icon } from "../parts/Icon.tsx";
import { IconButton } from "../parts/IconButton.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Empty } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { Time } from "../parts/Time.tsx";
import { PrincipalNames } from "./PrincipalNames.tsx";

const ROLE_TEXTS = {
  reader: "Reader: sees",
  contributor: "Contributor: also logs, changes and deletes",
  owner: "Owner: also gives roles and empties the trash",
} as const;
const ROLE_OPTIONS = ROLES.map((role) => [role, ROLE_TEXTS[role]] as const);

/** Who has which role: in this workspace, or in one experiment. */
export function GrantsPanel({ experimentId }: { experimentId: string | null }) {
  const caller = useCaller();
  const query = useQuery({
    queryKey: ["grants", experimentId],
    queryFn: ({ signal }) => listGrants(experimentId, signal),
  });
  const mayChange = experimentId === null ? may(caller, "MANAGE") : mayShare(caller, experimentId);
  return (
    <Loaded query={query} label="Loading roles">
      {(all) => {
        const here = all.filter((grant) => grant.experiment_id === experimentId);
        const elsewhere = all.filter((grant) => grant.experiment_id !== experimentId);
        return (
          <>
            <p className="quiet">
              {experimentId === null
                ? `A role in the workspace ${workspaceName()} is good for all of its experiments. Administrators may do all without one.`
                : "A role in this experiment is good for it alone; whoever has one in the workspace has it here as well."}
            </p>
            <GrantsTable
              title={experimentId === null ? `Roles in ${workspaceName()}` : "Roles in this experiment"}
              grants={here}
              experimentId={experimentId}
              mayChange={mayChange}
            />
            {elsewhere.length > 0 && (
              <TableCard
                title="Roles in single experiments"
                count={elsewhere.length}
                columns={["Who", "Role", "Experiment"]}
              >
                {elsewhere.map((grant) => (
                  <tr key={`${grant.principal_id} ${grant.experiment_id}`}>
                    <td className="wrap-anywhere">{grant.principal}</td>
                    <td>{grant.role}</td>
                    <td>
                      <a href={shareHash(grant.experiment_id ?? "")}>#{grant.experiment_id}</a>
                    </td>
                  </tr>
                ))}
              </TableCard>
            )}
          </>
        );
      }}
    </Loaded>
  );
}

function GrantsTable(props: {
  title: string;
  grants: Grant[];
  experimentId: string | null;
  mayChange: boolean;
}) {
  const { title, grants, experimentId, mayChange } = props;
  const queries = useQueryClient();
  const [asked, setAsked] = useState<{ what: "give" | "change" | "take"; of?: Grant } | null>(null);
  const refresh = async () => {
    await queries.invalidateQueries({ queryKey: ["grants"] });
    await queries.invalidateQueries({ queryKey: ["caller"] });
  };
  const close = () => setAsked(null);
  const of = asked?.of;
  return (
    <>
      <TableCard
        title={title}
        count={grants.length}
        columns={["Who", "Role", "~Given", ...(mayChange ? ["-Actions"] : [])]}
        tools={
          mayChange && (
            <button type="button" className="button primary" onClick={() => setAsked({ what: "give" })}>
              <Icon name="plus" /> Give a role
            </button>
          )
        }
        instead={
          grants.length === 0 && (
            <Empty title="Nobody was given a role here yet">
              {mayChange && (
                <p className="quiet">
                  Give one to a person, a service principal or a group; the group “everyone” is all people.
                </p>
              )}
            </Empty>
          )
        }
      >
        {grants.map((grant) => (
          <tr key={grant.principal_id}>
            <td>
              <span className="strong wrap-anywhere">{grant.principal}</span>
              {grant.kind !== "person" && <span className="quiet"> ({grant.kind})</span>}
            </td>
            <td>
              <span className="pill">{grant.role}</span>
            </td>
            <td className="wide-only">
              <Time ms={grant.granted_ms} isRelative />
              {grant.granted_by && <div className="quiet wrap-anywhere">by {grant.granted_by}</div>}
            </td>
            {mayChange && (
              <td className="end actions">
                <IconButton
                  icon="pencil"
                  label={`Change the role of ${grant.principal}`}
                  onClick={() => setAsked({ what: "change", of: grant })}
                />
                <IconButton
                  icon="trash"
                  label={`Take the role from ${grant.principal}`}
                  onClick={() => setAsked({ what: "take", of: grant })}
                />
              </td>
            )}
          </tr>
        ))}
      </TableCard>
      {(asked?.what === "give" || asked?.what === "change") && (
        <Dialog
          title={of ? `Change the role of ${of.principal}` : "Give a role"}
          action={of ? "Change" : "Give"}
          onClose={close}
          onConfirm={async (form) => {
            const principal = of?.principal_id ?? textOf(form, "principal");
            await setGrant(principal, textOf(form, "role"), experimentId);
            await refresh();
          }}
        >
          {!of && (
            <>
              <TextField
                label="Person, service principal or group"
                name="principal"
                required
                list="grantable-names"
              />
              <PrincipalNames id="grantable-names" />
            </>
          )}
          <ChoiceField label="Role" name="role" options={ROLE_OPTIONS} defaultValue={of?.role} />
        </Dialog>
      )}
      {asked?.what === "take" && of && (
        <Dialog
          title={`Take the role from ${of.principal}?`}
          action="Take away"
          isDanger
          onClose={close}
          onConfirm={async () => {
            await removeGrant(of);
            await refresh();
          }}
        >
          <p>They are no {of.role} here any more, within a second. What they may by way of a group stays.</p>
        </Dialog>
      )}
    </>
  );
}
