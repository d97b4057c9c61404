/** Labelled fields of a form. */
import {
  createContext,
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useContext,
  useId,
} from "react";
import type { RefusedField } from "./refusedField.ts";

/** The field of the form around that the server has refused, if any. */
export const Refusal = createContext<RefusedField | null>(null);

/** What is said of a field below it: what it is for, and why it was refused. */
function useNotes(name: string, hint: string | undefined) {
  const hintId = useId();
  const refusalId = useId();
  const refused = useContext(Refusal);
  const why = refused?.name === name ? refused.why : null;
  const described = [hint && hintId, why && refusalId].filter(Boolean).join(" ");
  return {
    of: {
      "data-field": name,
      "aria-describedby": described || undefined,
      "aria-invalid": why ? true : undefined,
    } as const,
    notes: (
      <>
        {why && (
          <p id={refusalId} className="field-refusal wrap-anywhere" role="alert">
            {why}
          </p>
        )}
        {hint && (
          <p id={hintId} className="hint">
            {hint}
          </p>
        )}
      </>
    ),
  };
}

interface Named {
  label: string;
  name: string;
  hint?: string;
}

type Told = ReturnType<typeof useNotes>["of"] & { id: string };

/** A field with its label above it and what is said of it below. */
function Labelled({ label, name, hint, field }: Named & { field: (told: Told) => ReactNode }) {
  const { of, notes } = useNotes(name, hint);
  const id = useId();
  return (
    <div className="labelled">
      <label className="labelled" htmlFor={id}>
        {label}
        {field({ ...of, id })}
      </label>
      {notes}
    </div>
  );
}

export function TextField({ label, hint, ...rest }: Named & InputHTMLAttributes<HTMLInputElement>) {
  const field = (told: Told) => <input className="field" autoComplete="off" {...told} {...rest} />;
  return <Labelled label={label} name={rest.name} {...(hint ? { hint } : {})} field={field} />;
}

export function AreaField({ label, hint, ...rest }: Named & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const field = (told: Told) => <textarea className="field" rows={3} {...told} {...rest} />;
  return <Labelled label={label} name={rest.name} {...(hint ? { hint } : {})} field={field} />;
}

interface ChoiceProps extends SelectHTMLAttributes<HTMLSelectElement> {
  label: string;
  name: string;
  options: readonly (readonly [value: string, text: string])[];
}

export function ChoiceField({ label, options, ...rest }: ChoiceProps) {
  return (
    <label className="labelled">
      {label}
      <select className="field" {...rest}>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

export function CheckField(props: {
  name: string;
  isOn?: boolean;
  children: ReactNode;
  isDisabled?: boolean;
}) {
  return (
    <label className="check">
      <input type="checkbox" name={props.name} defaultChecked={props.isOn} disabled={props.isDisabled} />
      {props.children}
    </label>
  );
}

/** The text of a field, without spaces around it. */
export const textOf = (form: FormData, name: string) => String(form.get(name) ?? "").trim();

/** The number in a field, or null where nothing is. */
export function numberOf(form: FormData, name: string): number | null {
  const text = textOf(form, name);
  return text === "" ? null : Number(text);
}
