import { useState } from "react";
import type { Opinion } from "../api/traces.ts";
import type { Assessment } from "../api/traceTypes.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { AreaField, ChoiceField, TextField, textOf } from "../parts/fields.tsx";
import { kindOf, shownValue, VALUE_KINDS, type ValueKind, writtenValue } from "./words.ts";

const KINDS = [
  ["feedback", "Feedback: how good it is"],
  ["expectation", "Expectation: what should have come out"],
] as const;

interface Props {
  /** The one that this is to stand for, if any. */
  overridden: Assessment | null;
  onOpinion: (opinion: Opinion) => Promise<void>;
  onClose: () => void;
}

/** Asks what somebody thinks of a trace, or thinks better of. */
export function AssessmentDialog({ overridden, onOpinion, onClose }: Props) {
  const [valueKind, setValueKind] = useState<ValueKind>(overridden ? kindOf(overridden.value) : "boolean");
  const [kind, setKind] = useState<string>(overridden?.kind ?? "feedback");
  return (
    <Dialog
      title={overridden ? `Override “${overridden.name}”` : "Add an assessment"}
      action="Save"
      onClose={onClose}
      onConfirm={(form) =>
        onOpinion({
          kind: kind === "expectation" ? "expectation" : "feedback",
          name: overridden?.name ?? textOf(form, "name"),
          value: writtenValue(valueKind, textOf(form, "value")),
          rationale: textOf(form, "rationale"),
          spanId: overridden?.spanId ?? "",
        })
      }
    >
      {!overridden && (
        <>
          <ChoiceField
            label="Kind"
            name="kind"
            options={KINDS}
            value={kind}
            onChange={(event) => setKind(event.target.value)}
          />
          <TextField label="Name" name="name" required placeholder="correctness" />
        </>
      )}
      <ChoiceField
        label="Value is"
        name="valueKind"
        options={VALUE_KINDS}
        value={valueKind}
        onChange={(event) => setValueKind(event.target.value as ValueKind)}
      />
      <ValueField kind={valueKind} value={overridden?.value} />
      {kind === "feedback" && <AreaField label="Rationale" name="rationale" rows={2} />}
    </Dialog>
  );
}

function ValueField({ kind, value }: { kind: ValueKind; value: unknown }) {
  const before = value !== undefined && kindOf(value) === kind ? value : undefined;
  if (kind === "boolean") {
    return (
      <ChoiceField
        label="Value"
        name="value"
        defaultValue={before === false ? "no" : "yes"}
        options={[
          ["yes", "Yes"],
          ["no", "No"],
        ]}
      />
    );
  }
  if (kind === "number") {
    return (
      <TextField label="Value" name="value" inputMode="decimal" defaultValue={shownValue(before)} required />
    );
  }
  return <AreaField label="Value" name="value" defaultValue={shownValue(before)} required />;
}
