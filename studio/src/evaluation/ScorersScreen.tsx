import { useQuery } from "@tanstack/react-query";
import { trackingUri } from "../api/address.ts";
import { listScorers } from "../api/evaluation.ts";
import { experimentsHash, scorerHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { useExperimentName } from "../experiments/queries.ts";
import { ExperimentTabs } from "../parts/ExperimentTabs.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { Snippet } from "../parts/Snippet.tsx";
import { Empty } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { Time } from "../parts/Time.tsx";
import { firstScorer, kindOfScorer, textOfScorer } from "./words.ts";

const REFRESH_MS = 10_000;

/** The scorers that are registered with an experiment. */
export function ScorersScreen({ experimentId }: { experimentId: string }) {
  const name = useExperimentName(experimentId);
  useDocumentTitle(`Judges of ${name}`);
  const query = useQuery({
    queryKey: ["scorers", experimentId],
    queryFn: ({ signal }) => listScorers(experimentId, signal),
    refetchInterval: REFRESH_MS,
  });
  return (
    <div className="page wide stack">
      <PageHead trail={[["Experiments", experimentsHash()]]} title={name} />
      <ExperimentTabs experimentId={experimentId} shown="Judges" />
      <Loaded query={query} label="Loading judges">
        {(scorers) => (
          <TableCard
            title="Judges"
            columns={["Name", "Kind", "Version", "Registered", "~What it looks at"]}
            instead={
              scorers.length === 0 && (
                <Empty title="No judges yet">
                  <p className="quiet">
                    A judge, or scorer, says how good a trace is. MLflow runs it in your own process.
                  </p>
                  <Snippet code={firstScorer(trackingUri(), name)} />
                </Empty>
              )
            }
          >
            {scorers.map((scorer) => (
              <tr key={scorer.name}>
                <td>
                  <a className="strong wrap-anywhere" href={scorerHash(experimentId, scorer.name)}>
                    {scorer.name}
                  </a>
                </td>
                <td>{kindOfScorer(scorer)}</td>
                <td className="number">{scorer.version}</td>
                <td>
                  <Time ms={scorer.createdMs} isRelative />
                </td>
                <td className="wide-only trace-preview">
                  <div>{textOfScorer(scorer).slice(0, 300)}</div>
                </td>
              </tr>
            ))}
          </TableCard>
        )}
      </Loaded>
    </div>
  );
}
