/** The questions that are asked before a compute target is made, changed or deleted. */
import { useQueryClient } from "@tanstack/react-query";
import {
  type ComputeTarget,
  changeComputeTarget,
  createComputeTarget,
  deleteComputeTarget,
} from "../api/compute.ts";
import { go } from "../app/location.ts";
import { computeHash, computeTargetHash } from "../app/route.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { AreaField, CheckField, numberOf, TextField, textOf } from "../parts/fields.tsx";
import { plural } from "../parts/format.ts";
import { PAIRS_HINT, pairsFrom, pairsText } from "../parts/pairLines.ts";

const MOST_SLOTS = 1000;

export function useRefreshTargets(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    await queries.invalidateQueries({ queryKey: ["compute-targets"] });
    await queries.invalidateQueries({ queryKey: ["jobs"] });
  };
}

function SlotsField({ initial }: { initial: number }) {
  return (
    <TextField
      label="Slots"
      name="slots"
      type="number"
      required
      min={1}
      max={MOST_SLOTS}
      defaultValue={initial}
      hint="So many jobs of one slot run at a time; the others wait."
    />
  );
}

export function NewTargetDialog({ onClose }: { onClose: () => void }) {
  const refresh = useRefreshTargets();
  return (
    <Dialog
      title="New compute target"
      action="Create"
      onClose={onClose}
      onConfirm={async (form) => {
        const name = textOf(form, "name");
        await createComputeTarget({
          name,
          kind: "local",
          slots: numberOf(form, "slots") ?? 1,
          description: textOf(form, "description"),
          tags: pairsFrom(textOf(form, "tags")),
        });
        await refresh();
        go(computeTargetHash(name));
      }}
    >
      <p className="quiet">A pool of slots on the server's own machine, with a queue of its own.</p>
      <TextField
        label="Name"
        name="name"
        required
        pattern="[A-Za-z][A-Za-z0-9_\-]{0,62}"
        hint="Letters, digits, - and _, a letter first."
      />
      <SlotsField initial={1} />
      <TextField label="Description" name="description" hint="What it is for." />
      <AreaField label="Tags" name="tags" hint={PAIRS_HINT} />
    </Dialog>
  );
}

export function ChangeTargetDialog({ target, onClose }: { target: ComputeTarget; onClose: () => void }) {
  const refresh = useRefreshTargets();
  return (
    <Dialog
      title={`Change ${target.name}`}
      action="Save"
      onClose={onClose}
      onConfirm={async (form) => {
        await changeComputeTarget(target.name, {
          slots: numberOf(form, "slots") ?? target.slots,
          description: textOf(form, "description"),
          tags: pairsFrom(textOf(form, "tags")),
        });
        await refresh();
      }}
    >
      <SlotsField initial={target.slots} />
      <TextField label="Description" name="description" defaultValue={target.description} />
      <AreaField label="Tags" name="tags" defaultValue={pairsText(target.tags)} hint={PAIRS_HINT} />
    </Dialog>
  );
}

/** Asks for the target's name, and, where jobs of it are not over, whether they are to be ended. */
export function DeleteTargetDialog({ target, onClose }: { target: ComputeTarget; onClose: () => void }) {
  const { name } = target;
  const refresh = useRefreshTargets();
  const hasJobs = target.slots_taken + target.jobs_waiting > 0;
  return (
    <Dialog
      title={`Delete the compute target “${name}”?`}
      action="Delete"
      isDanger
      onClose={onClose}
      onConfirm={async (form) => {
        if (textOf(form, "confirm") !== name) throw new Error(`Type the name of the target: ${name}`);
        await deleteComputeTarget(name, form.get("force") === "on");
        go(computeHash());
        await refresh();
      }}
    >
      <p>Jobs that are over stay, with their runs, logs and files.</p>
      {hasJobs && (
        <>
          <p className="note warn">
            {plural(target.slots_taken, "slot")} taken, {plural(target.jobs_waiting, "job")} waiting.
          </p>
          <CheckField name="force">End its jobs that are not over</CheckField>
        </>
      )}
      <TextField label="Name of the target" name="confirm" required />
    </Dialog>
  );
}
