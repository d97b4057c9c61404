import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { mayIn, useCaller } from "../api/caller.ts";
import { setRunTag } from "../api/mlflow.ts";
import type { Run } from "../api/types.ts";
import { Icon } from "../parts/Icon.tsx";
import { Note } from "../parts/Note.tsx";
import { NoteDialog } from "../parts/NoteDialog.tsx";

export const NOTE_TAG = "mlflow.note.content";

/** What somebody wrote about the run, where MLflow keeps it. */
export function RunNote({ run }: { run: Run }) {
  const caller = useCaller();
  const queries = useQueryClient();
  const [isAsked, setIsAsked] = useState(false);
  const note = run.tags.get(NOTE_TAG) ?? "";
  const mayWrite = !run.isDeleted && mayIn(caller, "CONTRIBUTE", run.experimentId);
  if (!note && !mayWrite) return null;
  const button = mayWrite && (
    <button type="button" className="button small" onClick={() => setIsAsked(true)}>
      <Icon name="pencil" /> {note ? "Edit" : "Describe this run"}
    </button>
  );
  return (
    <>
      {note ? (
        <section className="card" aria-label="Description">
          <header>
            <h2 className="grow">Description</h2>
            {button}
          </header>
          <div className="card-note">
            <Note text={note} />
          </div>
        </section>
      ) : (
        <div>{button}</div>
      )}
      {isAsked && (
        <NoteDialog
          title="Describe the run"
          initial={note}
          onClose={() => setIsAsked(false)}
          onText={async (text) => {
            await setRunTag(run.runId, NOTE_TAG, text);
            await queries.invalidateQueries({ queryKey: ["run", run.runId] });
          }}
        />
      )}
    </>
  );
}
