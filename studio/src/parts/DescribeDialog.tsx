import { Dialog } from "./Dialog.tsx";
import { AreaField, textOf } from "./fields.tsx";
import { editedPairs, PAIRS_HINT, pairsText } from "./pairLines.ts";

/** What people say of a thing. */
export interface Words {
  description: string;
  tags: Record<string, string>;
}

interface Props {
  title: string;
  hint?: string;
  initial: Words;
  onSave: (words: Words) => Promise<void>;
  onClose: () => void;
}

/** Asks for a description and tags; what is emptied is taken away. */
export function DescribeDialog({ title, hint, initial, onSave, onClose }: Props) {
  return (
    <Dialog
      title={title}
      action="Save"
      onClose={onClose}
      onConfirm={(form) => onSave(wordsOf(form, initial))}
    >
      <WordsFields initial={initial} />
      {hint && <p className="quiet">{hint}</p>}
    </Dialog>
  );
}

export function WordsFields({ initial }: { initial?: Words }) {
  return (
    <>
      <AreaField label="Description" name="description" defaultValue={initial?.description} />
      <AreaField
        label="Tags"
        name="tags"
        defaultValue={initial ? pairsText(initial.tags) : ""}
        hint={PAIRS_HINT}
      />
    </>
  );
}

/** What the fields say. */
export const wordsOf = (form: FormData, initial?: Words): Words => ({
  description: textOf(form, "description"),
  tags: editedPairs(textOf(form, "tags"), initial?.tags),
});
