/** The part of a form that says how a target of a kind is reached, and with what. */
import { useState } from "react";
import type { TargetKind } from "../api/compute.ts";
import { AreaField, ChoiceField, TextField } from "../parts/fields.tsx";
import { labelOf, type SettingField, textOfSetting } from "./settingFields.ts";

type Settings = Record<string, unknown>;

const LINES_HINT: Partial<Record<SettingField["shape"], string>> = {
  lines: "One a line.",
  numbers: "One a line.",
  pairs: "One a line, as name=value.",
  amounts: "One a line, as name=1.",
  json: "As JSON.",
};
const YES_OR_NO = [
  ["", "As nothing is said"],
  ["true", "Yes"],
  ["false", "No"],
] as const;

interface FieldsProps {
  fields: SettingField[];
  /** What they are now, of a target that is there. */
  now: Settings | undefined;
}

export function SettingFields({ fields, now }: FieldsProps) {
  return (
    <div className="setting-fields">
      {fields.map((field) =>
        field.shape === "group" ? (
          <Group key={field.name} field={field} now={now?.[field.key] as Settings | null | undefined} />
        ) : (
          <Field
            key={field.name}
            field={field}
            value={now && field.key in now ? now[field.key] : field.fallback}
          />
        ),
      )}
    </div>
  );
}

/** Settings that are there together or not at all. */
function Group({ field, now }: { field: SettingField; now: Settings | null | undefined }) {
  const [isOn, setIsOn] = useState(Boolean(now));
  return (
    <fieldset className="setting-group">
      <legend>
        <label className="check">
          <input
            type="checkbox"
            name={field.name}
            checked={isOn}
            onChange={(event) => setIsOn(event.target.checked)}
          />
          {field.label}
        </label>
      </legend>
      <p className="hint">{field.hint}</p>
      {isOn && <SettingFields fields={field.fields} now={now ?? undefined} />}
    </fieldset>
  );
}

function Field({ field, value }: { field: SettingField; value: unknown }) {
  const { name, label, shape, isRequired: required } = field;
  const hint = [field.hint, LINES_HINT[shape]].filter(Boolean).join(" ");
  const common = { name, label, hint, required, defaultValue: textOfSetting(field, value) };
  if (shape === "choice") {
    return (
      <div className="labelled">
        <ChoiceField name={name} label={label} options={YES_OR_NO} defaultValue={common.defaultValue} />
        <p className="hint">{hint}</p>
      </div>
    );
  }
  if (shape === "number") {
    const { minimum: min, maximum: max, isWhole } = field;
    return <TextField {...common} type="number" min={min} max={max} step={isWhole ? 1 : "any"} />;
  }
  return shape === "text" ? <TextField {...common} /> : <AreaField {...common} className="field mono" />;
}

/** With what it is reached. What is kept is never shown, and stays where nothing is written. */
export function CredentialFields({ kind, isKept }: { kind: TargetKind; isKept: boolean }) {
  if (kind.credential.length === 0) return null;
  return (
    <fieldset className="setting-group">
      <legend>{isKept ? "A new credential" : "Credential"}</legend>
      <p className="hint">
        The server keeps it encrypted and shows it to nobody.
        {isKept &&
          " There is one. Left empty, it stays; whatever is written here takes its place as a whole."}
      </p>
      {kind.credential.map(({ name, hint, has_lines: hasLines }) => {
        const common = { name: `credential.${name}`, label: labelOf(name), hint };
        return hasLines ? (
          <AreaField key={name} {...common} className="field mono" spellCheck={false} />
        ) : (
          <TextField key={name} {...common} type="password" autoComplete="new-password" />
        );
      })}
    </fieldset>
  );
}
