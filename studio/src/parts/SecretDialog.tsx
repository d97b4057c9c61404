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
      onCancel={(event) => event.preventDefault()}
      onClose={onClose}
    >
      <div className="stack">
        <h2 id={titleId}>{title}</h2>
        <p>Copy it now and keep it as you keep a password: it is shown this once.</p>
        <Snippet code={secret} />
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
