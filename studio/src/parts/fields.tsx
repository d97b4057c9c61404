/** Labelled fields of a form. */
import {
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from "react";

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
  name: string;
  hint?: string;
}

export function TextField({ label, hint, ...rest }: FieldProps) {
  const hintId = useId();
  return (
    <div className="labelled">
      <label className="labelled">
        {label}
        <input className="field" autoComplete="off" aria-describedby={hint ? hintId : undefined} {...rest} />
      </label>
      {hint && (
        <p id={hintId} className="hint">
          {hint}
        </p>
      )}
    </div>
  );
}

interface AreaProps extends TextareaHTMLAttributes<HTMLTextAreaElement> {
  label: string;
  name: string;
  hint?: string;
}

export function AreaField({ label, hint, ...rest }: AreaProps) {
  const hintId = useId();
  return (
    <div className="labelled">
      <label className="labelled">
        {label}
        <textarea className="field" rows={3} aria-describedby={hint ? hintId : undefined} {...rest} />
      </label>
      {hint && (
        <p id={hintId} className="hint">
          {hint}
        </p>
      )}
    </div>
  );
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
