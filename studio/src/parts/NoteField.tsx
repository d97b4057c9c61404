import { useId, useState } from "react";
import { Note } from "./Note.tsx";
import { Segments } from "./Segments.tsx";

const WAYS = ["Write", "Preview"] as const;

/** A field for a text in Markdown, which is looked at before it is saved. */
export function NoteField({ label, name, initial = "" }: { label: string; name: string; initial?: string }) {
  const [text, setText] = useState(initial);
  const [way, setWay] = useState<(typeof WAYS)[number]>("Write");
  const id = useId();
  return (
    <div className="labelled">
      <div className="row">
        <label className="grow" htmlFor={id}>
          {label}
        </label>
        <Segments
          label={`${label}: how it is shown`}
          choices={WAYS.map((one) => [one, one] as const)}
          chosen={way}
          onChoose={setWay}
        />
      </div>
      <textarea
        id={id}
        className="field"
        name={name}
        rows={8}
        hidden={way === "Preview"}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {way === "Preview" && (
        <section className="note-preview" aria-label="Preview">
          {text.trim() ? <Note text={text} /> : <p className="quiet">Nothing is written.</p>}
        </section>
      )}
      <p className="hint">
        Markdown: **bold**, `code`, lists, tables, links. HTML is shown as it is written.
      </p>
    </div>
  );
}
