import { createWorkspace } from "../api/runyard.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { TextField, textOf } from "../parts/fields.tsx";

interface Props {
  onMade: (name: string) => void;
  onClose: () => void;
}

export function NewWorkspaceDialog({ onMade, onClose }: Props) {
  return (
    <Dialog
      title="New workspace"
      action="Create"
      onClose={onClose}
      onConfirm={async (form) => {
        const made = await createWorkspace(textOf(form, "name"), textOf(form, "description"));
        onMade(made.name);
      }}
    >
      <TextField
        label="Name"
        name="name"
        required
        pattern="[a-z0-9][a-z0-9\-]{0,62}"
        hint="Small letters, digits and hyphens."
      />
      <TextField label="Description" name="description" hint="What it is for." />
    </Dialog>
  );
}
