import { useEffect } from "react";
import { trackingUri } from "../api/address.ts";
import { go, useUrlQuery } from "../app/location.ts";
import { experimentsHash, traceHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { useExperimentName } from "../experiments/queries.ts";
import { ExperimentTabs } from "../parts/ExperimentTabs.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { Snippet } from "../parts/Snippet.tsx";
import { Empty } from "../parts/States.tsx";
import { TracesPane } from "./TracesPane.tsx";
import { firstTrace } from "./words.ts";

/** Where MLflow's own pages have the id of the trace that is open over their list. */
const OPEN_IN_MLFLOW = "selectedEvaluationId";

/** The traces of an experiment. */
export function TracesScreen({ experimentId }: { experimentId: string }) {
  const name = useExperimentName(experimentId);
  const [query] = useUrlQuery();
  const opened = query.get(OPEN_IN_MLFLOW);
  useDocumentTitle(`Traces of ${name}`);
  useEffect(() => {
    if (opened) go(traceHash(experimentId, opened), { replace: true });
  }, [opened, experimentId]);
  return (
    <div className="page wide stack">
      <PageHead trail={[["Experiments", experimentsHash()]]} title={name} />
      <ExperimentTabs experimentId={experimentId} shown="Traces" />
      <TracesPane experimentId={experimentId} empty={<NoTraces name={name} />} />
    </div>
  );
}

/** How to log the first trace. */
export function NoTraces({ name, runId }: { name: string; runId?: string }) {
  return (
    <Empty title="No traces yet">
      <p className="quiet">
        A trace is one request through an application, step by step. Log the first one; it appears here by
        itself.
      </p>
      <Snippet code={firstTrace(trackingUri(), name, runId)} />
    </Empty>
  );
}
