import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  addMember,
  changePrincipal,
  createPrincipal,
  listMembers,
  listPrincipals,
  type Principal,
  removeMember,
} from "../api/identity.ts";
import { useUrlQuery } from "../app/location.ts";
import { Dialog, TextDialog } from "../parts/Dialog.tsx";
import { TextField, textOf } from "../parts/fields.tsx";
import { Icon } from "../parts/Icon.tsx";
import { IconButton } from "../parts/IconButton.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Empty } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { Time } from "../parts/Time.tsx";
import { PrincipalNames } from "./PrincipalNames.tsx";

const EVERYONE = "everyone";

export function GroupsSection() {
  const queries = useQueryClient();
  const [query, change] = useUrlQuery();
  const [isAdding, setIsAdding] = useState(false);
  const [renamed, setRenamed] = useState<Principal | null>(null);
  const groups = useQuery({
    queryKey: ["principals", "group"],
    queryFn: ({ signal }) => listPrincipals("group", signal),
  });
  const refresh = () => queries.invalidateQueries({ queryKey: ["principals"] });
  const opened = query.get("group");

  return (
    <Loaded query={groups} label="Loading groups">
      {(all) => {
        const shown = all.find((group) => group.name === opened);
        return (
          <>
            <TableCard
              title="Groups"
              count={all.length}
              columns={["Name", "~Added", "-Actions"]}
              tools={
                <button type="button" className="button primary" onClick={() => setIsAdding(true)}>
                  <Icon name="plus" /> Add a group
                </button>
              }
            >
              {all.map((group) => (
                <tr key={group.principal_id}>
                  <td>
                    <button
                      type="button"
                      className="link strong wrap-anywhere"
                      aria-expanded={group === shown}
                      onClick={() => change({ group: group === shown ? null : group.name })}
                    >
                      {group.name}
                    </button>
                    {group.name === EVERYONE && (
                      <div className="quiet">
                        All people on this server. The roles that it has are everybody's defaults.
                      </div>
                    )}
                  </td>
                  <td className="wide-only">
                    <Time ms={group.created_ms} isRelative />
                  </td>
                  <td className="end actions">
                    {group.name !== EVERYONE && (
                      <IconButton
                        icon="pencil"
                        label={`Rename ${group.name}`}
                        onClick={() => setRenamed(group)}
                      />
                    )}
                  </td>
                </tr>
              ))}
            </TableCard>
            {shown ? (
              <Members key={shown.principal_id} group={shown} />
            ) : (
              <p className="quiet">Choose a group to see who is in it.</p>
            )}
            {isAdding && (
              <TextDialog
                title="Add a group"
                label="Name"
                action="Add"
                hint="A role that a group has is its members' too."
                onClose={() => setIsAdding(false)}
                onText={async (name) => {
                  await createPrincipal({ name, kind: "group", email: null, is_administrator: false });
                  await refresh();
                  change({ group: name });
                }}
              />
            )}
            {renamed && (
              <TextDialog
                title={`Rename ${renamed.name}`}
                label="Name"
                action="Rename"
                initial={renamed.name}
                onClose={() => setRenamed(null)}
                onText={async (name) => {
                  await changePrincipal(renamed.principal_id, { name });
                  await refresh();
                  if (opened === renamed.name) change({ group: name });
                }}
              />
            )}
          </>
        );
      }}
    </Loaded>
  );
}

function Members({ group }: { group: Principal }) {
  const queries = useQueryClient();
  const [asked, setAsked] = useState<Principal | "add" | null>(null);
  const key = ["members", group.principal_id];
  const members = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => listMembers(group.principal_id, signal),
  });
  const refresh = () => queries.invalidateQueries({ queryKey: key });
  const isFixed = group.name === EVERYONE;
  const title = `Members of ${group.name}`;
  return (
    <Loaded query={members} label="Loading members">
      {(all) => (
        <>
          <TableCard
            title={title}
            count={all.length}
            columns={["Name", "Kind", "-Actions"]}
            tools={
              !isFixed && (
                <button type="button" className="button" onClick={() => setAsked("add")}>
                  <Icon name="plus" /> Add a member
                </button>
              )
            }
            instead={
              all.length === 0 && (
                <Empty title="Nobody is in this group yet">
                  <p className="quiet">
                    {isFixed ? "Add people, and they are in it." : "Add people or service principals."}
                  </p>
                </Empty>
              )
            }
          >
            {all.map((one) => (
              <tr key={one.principal_id}>
                <td className="wrap-anywhere">{one.name}</td>
                <td>{one.kind}</td>
                <td className="end actions">
                  {!isFixed && (
                    <IconButton
                      icon="close"
                      label={`Take ${one.name} out of ${group.name}`}
                      onClick={() => setAsked(one)}
                    />
                  )}
                </td>
              </tr>
            ))}
          </TableCard>
          {asked === "add" && (
            <Dialog
              title={`Add a member to ${group.name}`}
              action="Add"
              onClose={() => setAsked(null)}
              onConfirm={async (form) => {
                await addMember(group.principal_id, textOf(form, "member"));
                await refresh();
              }}
            >
              <TextField label="Person or service principal" name="member" required list="principal-names" />
              <PrincipalNames id="principal-names" isWithGroups={false} />
            </Dialog>
          )}
          {asked !== null && asked !== "add" && (
            <Dialog
              title={`Take ${asked.name} out of ${group.name}?`}
              action="Take out"
              isDanger
              onClose={() => setAsked(null)}
              onConfirm={async () => {
                await removeMember(group.principal_id, asked.principal_id);
                await refresh();
              }}
            >
              <p>What the group may do ends for them within a second.</p>
            </Dialog>
          )}
        </>
      )}
    </Loaded>
  );
}
