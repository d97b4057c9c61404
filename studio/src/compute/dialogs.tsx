/** The questions that are asked before a compute target is made, changed or deleted. */
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import {
  type ComputeTarget,
  changeComputeTarget,
  createComputeTarget,
  deleteComputeTarget,
  type Reached,
  type TargetKind,
} from "../api/compute.ts";
import { go } from "../app/location.ts";
import { computeHash, computeTargetHash } from "../app/route.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { AreaField, CheckField, ChoiceField, numberOf, TextField, textOf } from "../parts/fields.tsx";
import { plural } from "../parts/format.ts";
import { addressOnScreen } from "../parts/Lines.tsx";
import { PAIRS_HINT, pairsFrom, pairsText } from "../parts/pairLines.ts";
import { Snippet } from "../parts/Snippet.tsx";
import { CredentialFields, SettingFields } from "./SettingFields.tsx";
import { credentialFrom, fieldsOf, settingsFrom } from "./settingFields.ts";
import { changedReach, databricksInPython, databricksInShell } from "./words.ts";

const DATABRICKS = "databricks";
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

function WordsFields({ target }: { target?: ComputeTarget }) {
  return (
    <>
      <TextField
        label="Description"
        name="description"
        defaultValue={target?.description}
        hint="What it is for."
      />
      <AreaField label="Tags" name="tags" defaultValue={target && pairsText(target.tags)} hint={PAIRS_HINT} />
    </>
  );
}

function ValidationField() {
  return <CheckField name="skip_validation">Keep it without looking whether it can be reached</CheckField>;
}

/** What a filled form says of how a target of a kind is reached. */
function reachedBy(kind: TargetKind, form: FormData): Reached {
  const text = (name: string) => String(form.get(name) ?? "");
  const credential = credentialFrom(kind.credential, text);
  return {
    settings: settingsFrom(fieldsOf(kind.settings), text),
    skip_validation: form.get("skip_validation") === "on",
    ...(credential ? { credential } : {}),
  };
}

/** Makes a target: the form is made of what the server says that targets of a kind need. */
export function NewTargetDialog({ kinds, onClose }: { kinds: TargetKind[]; onClose: () => void }) {
  const refresh = useRefreshTargets();
  const [picked, setPicked] = useState("local");
  const kind = kinds.find(({ name }) => name === picked);
  const options = [
    ...kinds.map(({ name, title }) => [name, title] as const),
    [DATABRICKS, "Databricks or Spark"] as const,
  ];
  return (
    <Dialog
      title="New compute target"
      action={kind ? "Create" : "Done"}
      isWide
      onClose={onClose}
      onConfirm={async (form) => {
        if (!kind) return;
        const name = textOf(form, "name");
        await createComputeTarget({
          name,
          kind: kind.name,
          slots: numberOf(form, "slots") ?? 1,
          description: textOf(form, "description"),
          tags: pairsFrom(textOf(form, "tags")),
          ...reachedBy(kind, form),
        });
        await refresh();
        go(computeTargetHash(name));
      }}
    >
      <ChoiceField
        label="Kind"
        name="kind"
        options={options}
        value={picked}
        onChange={(event) => setPicked(event.target.value)}
      />
      {kind ? <NewTargetFields key={kind.name} kind={kind} /> : <LinkDatabricks />}
    </Dialog>
  );
}

function NewTargetFields({ kind }: { kind: TargetKind }) {
  const fields = useMemo(() => fieldsOf(kind.settings), [kind]);
  return (
    <>
      <p className="quiet">{kind.summary}</p>
      <TextField
        label="Name"
        name="name"
        required
        pattern="[A-Za-z][A-Za-z0-9_\-]{0,62}"
        hint="Letters, digits, - and _, a letter first."
      />
      <SlotsField initial={1} />
      <SettingFields fields={fields} now={undefined} />
      <CredentialFields kind={kind} isKept={false} />
      <WordsFields />
      {kind.name !== "local" && <ValidationField />}
    </>
  );
}

/** Databricks runs its own notebooks; they log here once the two workspaces are linked. */
function LinkDatabricks() {
  return (
    <>
      <p className="quiet">
        Jobs are not sent to Databricks: its own notebooks and jobs log into this workspace once it is linked.
        That takes a token of Databricks, which stays with you, so it is done from your machine:
      </p>
      <Snippet code={databricksInShell(addressOnScreen())} />
      <p className="quiet">or from Python:</p>
      <Snippet code={databricksInPython(addressOnScreen())} />
    </>
  );
}

/** Changes a target. What is kept of its credential is not shown; how it is reached stays while jobs run there. */
export function ChangeTargetDialog({ target, kind, onClose }: ChangeProps) {
  const refresh = useRefreshTargets();
  const fields = useMemo(() => (kind ? fieldsOf(kind.settings) : []), [kind]);
  return (
    <Dialog
      title={`Change ${target.name}`}
      action="Save"
      isWide={fields.length > 0}
      onClose={onClose}
      onConfirm={async (form) => {
        await changeComputeTarget(target.name, {
          slots: numberOf(form, "slots") ?? target.slots,
          description: textOf(form, "description"),
          tags: pairsFrom(textOf(form, "tags")),
          ...(kind ? changedReach(target, reachedBy(kind, form), fields) : {}),
        });
        await refresh();
      }}
    >
      <SlotsField initial={target.slots} />
      <WordsFields target={target} />
      {kind && (
        <>
          <SettingFields fields={fields} now={target.settings ?? {}} />
          <CredentialFields kind={kind} isKept={target.has_credential ?? false} />
          {kind.name !== "local" && <ValidationField />}
        </>
      )}
    </Dialog>
  );
}

interface ChangeProps {
  target: ComputeTarget;
  /** What the server says of its kind; one that it knows no more has no settings to change. */
  kind: TargetKind | undefined;
  onClose: () => void;
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
