import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { deleteTraceTag, setTraceTag } from "../api/traces.ts";
import type { Trace } from "../api/traceTypes.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { TextField, textOf } from "../parts/fields.tsx";
import { Icon } from "../parts/Icon.tsx";
import { IconButton } from "../parts/IconButton.tsx";

/** Tags that programs write say on the page what they mean; people see and change the others. */
const isOfPeople = ([key]: [string, string]) => !key.startsWith("mlflow.");

export function TagsCard({ trace, mayChange }: { trace: Trace; mayChange: boolean }) {
  const queries = useQueryClient();
  const [isAdding, setIsAdding] = useState(false);
  const [going, setGoing] = useState<string | null>(null);
  const tags = [...trace.tags].filter(isOfPeople);
  const refresh = () => queries.invalidateQueries({ queryKey: ["trace", trace.traceId] });
  return (
    <section className="card" aria-label="Tags">
      <header className="row">
        <h2 className="grow">Tags</h2>
        {mayChange && (
          <button type="button" className="button small" onClick={() => setIsAdding(true)}>
            <Icon name="plus" /> Set a tag
          </button>
        )}
      </header>
      {tags.length === 0 ? (
        <p className="quiet card-note">No tags were set.</p>
      ) : (
        <dl className="facts">
          {tags.map(([key, value]) => (
            <div key={key}>
              <dt className="wrap-anywhere">{key}</dt>
              <dd className="row">
                <span className="grow wrap-anywhere">{value}</span>
                {mayChange && (
                  <IconButton icon="close" label={`Remove the tag ${key}`} onClick={() => setGoing(key)} />
                )}
              </dd>
            </div>
          ))}
        </dl>
      )}
      {isAdding && (
        <Dialog
          title="Set a tag"
          action="Set"
          onClose={() => setIsAdding(false)}
          onConfirm={async (form) => {
            await setTraceTag(trace.traceId, textOf(form, "key"), textOf(form, "value"));
            await refresh();
          }}
        >
          <TextField label="Name" name="key" required />
          <TextField label="Value" name="value" />
        </Dialog>
      )}
      {going !== null && (
        <Dialog
          title={`Remove the tag “${going}”?`}
          action="Remove"
          isDanger
          onClose={() => setGoing(null)}
          onConfirm={async () => {
            await deleteTraceTag(trace.traceId, going);
            await refresh();
          }}
        >
          <p>Searches don't find the trace by it any more.</p>
        </Dialog>
      )}
    </section>
  );
}
