import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Refusal } from "./fields.tsx";
import { fieldFor, type RefusedField, refusedField } from "./refusedField.ts";
import { failureText } from "./States.tsx";

/** The field of a form that a failure is about, if the form has one and it can say why. */
function fieldOf(form: HTMLFormElement, text: string): RefusedField | null {
  const refused = refusedField(text);
  if (refused === null) return null;
  const fields = [...form.querySelectorAll<HTMLElement>("[data-field]")].map(
    (one) => one.dataset.field ?? "",
  );
  const name = fieldFor(refused.name, new Set(fields));
  return name === null ? null : { name, why: refused.why };
}

interface Props {
  title: string;
  action: string;
  isDanger?: boolean;
  /** For forms with text of more than a line. */
  isWide?: boolean;
  /** What the button says that does nothing. */
  dismiss?: string;
  /** Does it; the dialog closes when it succeeds and shows the reason when it doesn't. */
  onConfirm: (form: FormData) => Promise<void>;
  onClose: () => void;
  children: ReactNode;
}

/** A question that must be answered or dismissed. Escape dismisses; focus goes back where it was. */
export function Dialog({
  title,
  action,
  isDanger = false,
  isWide = false,
  dismiss = "Cancel",
  onConfirm,
  onClose,
  children,
}: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const reason = useRef<HTMLParagraphElement>(null);
  const titleId = useId();
  const [failure, setFailure] = useState<string | null>(null);
  const [refused, setRefused] = useState<RefusedField | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  useEffect(() => {
    dialog.current?.showModal();
    return () => {
      // What asked may be gone with what was deleted.
      if (document.activeElement === document.body) document.getElementById("main-content")?.focus();
    };
  }, []);

  useEffect(() => {
    // In a form that is longer than the screen, the reason is seen all the same.
    if (failure) reason.current?.scrollIntoView({ block: "nearest" });
  }, [failure]);

  useEffect(() => {
    if (refused) dialog.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [refused]);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const shown = event.currentTarget;
    setIsBusy(true);
    setFailure(null);
    setRefused(null);
    try {
      await onConfirm(new FormData(shown));
      dialog.current?.close();
    } catch (error) {
      const { detail } = failureText(error);
      const field = fieldOf(shown, detail);
      setRefused(field);
      setFailure(field ? null : detail);
      setIsBusy(false);
    }
  }

  return (
    <dialog
      ref={dialog}
      className={`dialog ${isWide ? "wide" : ""}`}
      aria-labelledby={titleId}
      onClose={onClose}
    >
      <form onSubmit={submit}>
        <h2 id={titleId}>{title}</h2>
        <Refusal value={refused}>{children}</Refusal>
        {failure && (
          <p ref={reason} className="note bad wrap-anywhere" role="alert">
            {failure}
          </p>
        )}
        <div className="row">
          <span className="grow" />
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            {dismiss}
          </button>
          <button type="submit" className={`button ${isDanger ? "danger" : "primary"}`} disabled={isBusy}>
            {action}
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** A dialog that asks for one line of text. */
export function TextDialog(props: {
  title: string;
  label: string;
  action: string;
  initial?: string;
  pattern?: string;
  hint?: string;
  /** Whether the text may be taken away. */
  isOptional?: boolean;
  onText: (text: string) => Promise<void>;
  onClose: () => void;
}) {
  const hintId = useId();
  return (
    <Dialog
      title={props.title}
      action={props.action}
      onClose={props.onClose}
      onConfirm={(form) => props.onText(String(form.get("text")).trim())}
    >
      <label className="labelled">
        {props.label}
        <input
          className="field"
          name="text"
          required={!props.isOptional}
          autoComplete="off"
          defaultValue={props.initial}
          aria-describedby={props.hint ? hintId : undefined}
          {...(props.pattern ? { pattern: props.pattern } : {})}
        />
      </label>
      {props.hint && (
        <p id={hintId} className="quiet">
          {props.hint}
        </p>
      )}
    </Dialog>
  );
}
