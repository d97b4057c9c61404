import { CopyButton } from "./CopyButton.tsx";

/** A card with a text to read and to copy. */
export function TextCard({ title, text, empty }: { title: string; text: string; empty: string }) {
  return (
    <section className="card" aria-label={title}>
      <header className="row">
        <h2 className="grow">{title}</h2>
        {text && <CopyButton text={text} label={`Copy: ${title}`} />}
      </header>
      {text ? (
        <pre className="card-note note-text wrap-anywhere">{text}</pre>
      ) : (
        <p className="quiet card-note">{empty}</p>
      )}
    </section>
  );
}
