import { Dialog } from "./Dialog.tsx";
import { textOf } from "./fields.tsx";
import { NoteField } from "./NoteField.tsx";

interface Props {
  title: string;
  initial: string;
  onText: (text: string) => Promise<void>;
  onClose: () => void;
}

/** Asks for a description; what is emptied is taken away. */
export function NoteDialog({ title, initial, onText, onClose }: Props) {
  return (
    <Dialog
      title={title}
      action="Save"
      isWide
      onClose={onClose}
      onConfirm={(form) => onText(textOf(form, "description"))}
    >
      <NoteField label="Description" name="description" initial={initial} />
    </Dialog>
  );
}
