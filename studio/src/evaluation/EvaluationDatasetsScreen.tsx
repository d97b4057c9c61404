import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { trackingUri } from "../api/address.ts";
import { searchDatasets } from "../api/evaluation.ts";
import { go, useUrlQuery } from "../app/location.ts";
import { evaluationDatasetHash, experimentsHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { useExperimentName } from "../experiments/queries.ts";
import { ExperimentTabs } from "../parts/ExperimentTabs.tsx";
import { PagedTable } from "../parts/PagedTable.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { Snippet } from "../parts/Snippet.tsx";
import { Empty } from "../parts/States.tsx";
import { Time } from "../parts/Time.tsx";
import { firstDataset } from "./words.ts";

const REFRESH_MS = 10_000;
/** Where MLflow's own pages have the dataset that is open. */
const OPEN_IN_MLFLOW = "selectedDatasetId";

/** The evaluation datasets that are linked to an experiment. */
export function EvaluationDatasetsScreen({ experimentId }: { experimentId: string }) {
  const name = useExperimentName(experimentId);
  const [query] = useUrlQuery();
  const opened = query.get(OPEN_IN_MLFLOW);
  useDocumentTitle(`Evaluation datasets of ${name}`);
  useEffect(() => {
    if (opened) go(evaluationDatasetHash(experimentId, opened), { replace: true });
  }, [opened, experimentId]);
  const found = useInfiniteQuery({
    queryKey: ["evaluation-datasets", experimentId],
    queryFn: ({ signal, pageParam }) => searchDatasets(experimentId, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextToken,
    refetchInterval: REFRESH_MS,
  });
  return (
    <div className="page wide stack">
      <PageHead trail={[["Experiments", experimentsHash()]]} title={name} />
      <ExperimentTabs experimentId={experimentId} shown="Datasets" />
      <PagedTable
        query={found}
        title="Evaluation datasets"
        columns={["Name", "Records", "Changed", "~Created by", "~Digest"]}
        rowsOf={(page) => page.items}
        empty={
          <Empty title="No evaluation datasets yet">
            <p className="quiet">Inputs and what should come out, to judge an application by.</p>
            <Snippet code={firstDataset(trackingUri(), name, experimentId)} />
          </Empty>
        }
      >
        {(dataset) => (
          <tr key={dataset.datasetId}>
            <td>
              <a
                className="strong wrap-anywhere"
                href={evaluationDatasetHash(experimentId, dataset.datasetId)}
              >
                {dataset.name}
              </a>
            </td>
            <td className="number">{dataset.recordCount}</td>
            <td>
              <Time ms={dataset.updatedMs} isRelative />
            </td>
            <td className="wide-only">{dataset.createdBy}</td>
            <td className="wide-only mono">{dataset.digest}</td>
          </tr>
        )}
      </PagedTable>
    </div>
  );
}
