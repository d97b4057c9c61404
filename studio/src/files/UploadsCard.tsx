import { bytes, plural } from "../parts/format.ts";
import { IconButton } from "../parts/IconButton.tsx";
import { type Sending, shareOf, shareOfAll } from "./uploads.ts";

const WORDS = { waiting: "waiting", sending: "", done: "uploaded", failed: "not uploaded" } as const;
const LISTED = 50;

interface Props {
  sendings: Sending[];
  onReplace: (sending: Sending) => void;
  onDismiss: () => void;
}

/** Those that need a person first, then what is under way. */
const ORDER = { failed: 0, sending: 1, waiting: 2, done: 3 } as const;
const ordered = (sendings: Sending[]) =>
  sendings.length <= LISTED
    ? sendings
    : [...sendings].sort((one, other) => ORDER[one.state] - ORDER[other.state]).slice(0, LISTED);

export function UploadsCard({ sendings, onReplace, onDismiss }: Props) {
  const failed = sendings.filter(({ state }) => state === "failed");
  const doneCount = sendings.filter(({ state }) => state === "done").length;
  const isOver = doneCount + failed.length === sendings.length;
  return (
    <section className="card" aria-label="Uploads">
      <header>
        <h2 className="grow">Uploads</h2>
        {isOver && <IconButton icon="close" label="Close the list of uploads" onClick={onDismiss} />}
      </header>
      {!isOver && <p className="hint card-note">They end when you leave this page.</p>}
      {sendings.length > 1 && (
        <div className="card-note upload-line">
          <span>
            <span className="number">
              {doneCount} of {plural(sendings.length, "file")}
            </span>{" "}
            there{failed.length > 0 && <span className="number">, {failed.length} not</span>}
          </span>
          <progress value={shareOfAll(sendings)} max={1} aria-label="All uploads" />
          {failed.length > 1 ? (
            <button
              type="button"
              className="button small"
              onClick={() => {
                for (const one of failed) onReplace(one);
              }}
            >
              Replace all {failed.length}
            </button>
          ) : (
            <span className="quiet number">{Math.floor(100 * shareOfAll(sendings))} %</span>
          )}
        </div>
      )}
      <ul className="card-note stack" aria-live="polite">
        {ordered(sendings).map((sending) => (
          <Line key={sending.id} sending={sending} onReplace={onReplace} />
        ))}
        {sendings.length > LISTED && (
          <li className="quiet">and {plural(sendings.length - LISTED, "more file")}</li>
        )}
      </ul>
    </section>
  );
}

function Line({ sending, onReplace }: { sending: Sending; onReplace: (sending: Sending) => void }) {
  return (
    <li>
      <div className="upload-line">
        <span className="wrap-anywhere">
          {sending.path} <span className="quiet number">{bytes(sending.file.size)}</span>
        </span>
        <progress value={shareOf(sending)} max={1} aria-label={`Upload of ${sending.path}`} />
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
  );
}
