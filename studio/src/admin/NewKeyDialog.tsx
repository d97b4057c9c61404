import { useQuery } from "@tanstack/react-query";
import { type Caller, createKey, ROLES } from "../api/identity.ts";
import { listWorkspaces } from "../api/runyard.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { ChoiceField, numberOf, TextField, textOf } from "../parts/fields.tsx";

interface Props {
  caller: Caller;
  onMade: (secret: string) => Promise<void>;
  onClose: () => void;
}

/** Asks what an API key of one's own is for, and how little it may do. */
export function NewKeyDialog({ caller, onMade, onClose }: Props) {
  const { data: workspaces = [] } = useQuery({
    queryKey: ["workspaces"],
    queryFn: ({ signal }) => listWorkspaces(signal),
    staleTime: 30_000,
  });
  const scopes = [...ROLES, ...(caller.is_administrator ? ["admin"] : [])];
  return (
    <Dialog
      title="New API key"
      action="Make the key"
      onClose={onClose}
      onConfirm={async (form) =>
        onMade(
          await createKey({
            name: textOf(form, "name"),
            scope: textOf(form, "scope") || null,
            workspace: textOf(form, "workspace") || null,
            lifetime_days: numberOf(form, "days"),
            principal: null,
          }),
        )
      }
    >
      <TextField label="What it is for" name="name" required maxLength={200} placeholder="laptop" />
      <ChoiceField
        label="May at most"
        name="scope"
        options={[["", "all that I may"], ...scopes.map((scope) => [scope, scope] as const)]}
      />
      <ChoiceField
        label="Workspace"
        name="workspace"
        options={[["", "all of mine"], ...workspaces.map(({ name }) => [name, name] as const)]}
      />
      <TextField
        label="Ends after days"
        name="days"
        type="number"
        min={1}
        max={3650}
        hint="Left empty, it is good until somebody revokes it."
      />
    </Dialog>
  );
}
