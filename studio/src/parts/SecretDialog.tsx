import { useEffect, useId, useRef } from "react";
import { Snippet } from "./Snippet.tsx";

interface Props {
  title: string;
  secret: string;
  onClose: () => void;
}

/** Shows a secret this once. Escape does not close it: what is lost here is lost. */
export function SecretDialog({ title, secret, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={titleId}
      // Browsers let a second Escape through whatever becomes of `cancel`; those that know this attribute let none.
      closedby="none"
      onCancel={(event) => event.preventDefault()}
      onClose={onClose}
    >
      <div className="stack">
        <h2 id={titleId}>{title}</h2>
        <p>Copy it now and keep it as you keep a password: it is shown this once.</p>
        <div className="secret">
          <Snippet code={secret} />
        </div>
        <div className="row">
          <span className="grow" />
          <button type="button" className="button primary" onClick={() => dialog.current?.close()}>
            Done
          </button>
        </div>
      </div>
    </dialog>
  );
}
