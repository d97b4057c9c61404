import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { may, useCaller } from "../api/caller.ts";
import { deleteScorer, listScorerVersions, type ScorerVersion } from "../api/evaluation.ts";
import { go } from "../app/location.ts";
import { experimentsHash, scorersHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { useExperimentName } from "../experiments/queries.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { Time } from "../parts/Time.tsx";
import { LongText } from "../traces/LongText.tsx";
import { shownValue } from "../traces/words.ts";
import { kindOfScorer, textOfScorer } from "./words.ts";

/** All versions of a scorer, the last one first. */
export function ScorerScreen({ experimentId, name }: { experimentId: string; name: string }) {
  const experimentName = useExperimentName(experimentId);
  const caller = useCaller();
  const queries = useQueryClient();
  const [going, setGoing] = useState<ScorerVersion | null>(null);
  useDocumentTitle(name);
  const query = useQuery({
    queryKey: ["scorers", experimentId, name],
    queryFn: ({ signal }) => listScorerVersions(experimentId, name, signal),
  });
  return (
    <div className="page stack">
      <PageHead
        trail={[
          ["Experiments", experimentsHash()],
          [experimentName, scorersHash(experimentId)],
        ]}
        here="Judges"
        title={name}
      />
      <Loaded query={query} label="Loading versions">
        {(versions) =>
          versions.map((one) => (
            <Version
              key={one.version}
              version={one}
              {...(may(caller, "CONTRIBUTE") ? { onDelete: () => setGoing(one) } : {})}
            />
          ))
        }
      </Loaded>
      {going && (
        <Dialog
          title={`Delete version ${going.version}?`}
          action="Delete"
          isDanger
          onClose={() => setGoing(null)}
          onConfirm={async () => {
            await deleteScorer(experimentId, name, going.version);
            if (query.data?.length === 1) go(scorersHash(experimentId));
            await queries.invalidateQueries({ queryKey: ["scorers", experimentId] });
          }}
        >
          <p>It is gone for good. What it said of traces stays.</p>
        </Dialog>
      )}
    </div>
  );
}

function Version({ version, onDelete }: { version: ScorerVersion; onDelete?: () => void }) {
  const text = textOfScorer(version);
  const title = `Version ${version.version}`;
  return (
    <section className="card" aria-label={title}>
      <header className="row wrap">
        <h2>{title}</h2>
        <span className="pill">{kindOfScorer(version)}</span>
        <span className="grow quiet">
          <Time ms={version.createdMs} isRelative />
        </span>
        {onDelete && (
          <button type="button" className="button small danger" onClick={onDelete}>
            <Icon name="trash" /> Delete
          </button>
        )}
      </header>
      <div className="card-note stack">
        {text && (
          <LongText text={text} label="What it looks at" isCode={Boolean(version.written.call_source)} />
        )}
        <details>
          <summary>All that was registered</summary>
          <LongText text={shownValue(version.written)} label="All that was registered" isCode />
        </details>
      </div>
    </section>
  );
}
