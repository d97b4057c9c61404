import { bytes } from "../parts/format.ts";
import { IconButton } from "../parts/IconButton.tsx";
import { type Sending, shareOf } from "./uploads.ts";

const WORDS = { waiting: "waiting", sending: "", done: "uploaded", failed: "not uploaded" } as const;

interface Props {
  sendings: Sending[];
  onReplace: (sending: Sending) => void;
  onDismiss: () => void;
}

export function UploadsCard({ sendings, onReplace, onDismiss }: Props) {
  const isOver = sendings.every(({ state }) => state === "done" || state === "failed");
  return (
    <section className="card" aria-label="Uploads">
      <header>
        <h2 className="grow">Uploads</h2>
        {isOver && <IconButton icon="close" label="Close the list of uploads" onClick={onDismiss} />}
      </header>
      {!isOver && <p className="hint card-note">They end when you leave this folder's page.</p>}
      <ul className="card-note stack" aria-live="polite">
        {sendings.map((sending) => (
          <li key={sending.id}>
            <div className="upload-line">
              <span className="wrap-anywhere">
                {sending.file.name} <span className="quiet number">{bytes(sending.file.size)}</span>
              </span>
              <progress value={shareOf(sending)} max={1} aria-label={`Upload of ${sending.file.name}`} />
              <span className="quiet number">
                {WORDS[sending.state] || `${Math.floor(100 * shareOf(sending))} %`}
              </span>
            </div>
            {sending.state === "failed" && (
              <div className="row wrap" role="alert">
                <span className="wrap-anywhere">{sending.why}</span>
                <button type="button" className="button small" onClick={() => onReplace(sending)}>
                  Try again, replacing it
                </button>
              </div>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
