import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { may, useCaller } from "../api/caller.ts";
import {
  type DatasetRecord,
  deleteDataset,
  deleteRecords,
  type EvaluationDataset,
  getDataset,
  listRecords,
} from "../api/evaluation.ts";
import { go } from "../app/location.ts";
import { evaluationDatasetsHash, experimentsHash, traceHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { useExperimentName } from "../experiments/queries.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { FactsCard } from "../parts/Facts.tsx";
import { Icon } from "../parts/Icon.tsx";
import { IconButton } from "../parts/IconButton.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { PagedTable } from "../parts/PagedTable.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { PairsCard } from "../parts/PairsCard.tsx";
import { Empty } from "../parts/States.tsx";
import { Time } from "../parts/Time.tsx";
import { LongText } from "../traces/LongText.tsx";
import { shownValue } from "../traces/words.ts";

interface Props {
  experimentId: string;
  datasetId: string;
}

/** One evaluation dataset with its records. */
export function EvaluationDatasetScreen({ experimentId, datasetId }: Props) {
  const name = useExperimentName(experimentId);
  const caller = useCaller();
  const mayChange = may(caller, "CONTRIBUTE");
  const query = useQuery({
    queryKey: ["evaluation-dataset", datasetId],
    queryFn: ({ signal }) => getDataset(datasetId, signal),
  });
  useDocumentTitle(query.data?.name ?? "Evaluation dataset");
  return (
    <div className="page wide stack">
      <Loaded query={query} label="Loading the dataset">
        {(dataset) => (
          <>
            <PageHead
              trail={[
                ["Experiments", experimentsHash()],
                [name, evaluationDatasetsHash(experimentId)],
              ]}
              here="Evaluation datasets"
              title={dataset.name}
              actions={mayChange && <DeleteButton dataset={dataset} experimentId={experimentId} />}
            />
            <div className="overview">
              <FactsCard
                facts={[
                  ["Records", dataset.recordCount],
                  ["Created", <Time key="created" ms={dataset.createdMs} />],
                  ["Created by", dataset.createdBy],
                  ["Changed", <Time key="changed" ms={dataset.updatedMs} />],
                  ["Digest", <code key="digest">{dataset.digest}</code>],
                  ["ID", <code key="id">{dataset.datasetId}</code>],
                ]}
              />
              <PairsCard
                title="Tags"
                empty="No tags were set."
                rows={[...dataset.tags].map(([key, text]) => ({ key, text }))}
              />
            </div>
            <RecordsCard experimentId={experimentId} datasetId={datasetId} mayChange={mayChange} />
          </>
        )}
      </Loaded>
    </div>
  );
}

function DeleteButton({ dataset, experimentId }: { dataset: EvaluationDataset; experimentId: string }) {
  const queries = useQueryClient();
  const [isAsked, setIsAsked] = useState(false);
  return (
    <>
      <button type="button" className="button danger" onClick={() => setIsAsked(true)}>
        <Icon name="trash" /> Delete
      </button>
      {isAsked && (
        <Dialog
          title={`Delete “${dataset.name}”?`}
          action="Delete"
          isDanger
          onClose={() => setIsAsked(false)}
          onConfirm={async () => {
            await deleteDataset(dataset.datasetId);
            go(evaluationDatasetsHash(experimentId));
            await queries.invalidateQueries({ queryKey: ["evaluation-datasets"] });
          }}
        >
          <p>Its records go with it, in all experiments, for good.</p>
        </Dialog>
      )}
    </>
  );
}

function RecordsCard({ experimentId, datasetId, mayChange }: Props & { mayChange: boolean }) {
  const queries = useQueryClient();
  const [going, setGoing] = useState<DatasetRecord | null>(null);
  const found = useInfiniteQuery({
    queryKey: ["evaluation-records", datasetId],
    queryFn: ({ signal, pageParam }) => listRecords(datasetId, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextToken,
  });
  return (
    <>
      <PagedTable
        query={found}
        title="Records"
        columns={["Inputs", "Expectations", "Outputs", "Source", "-Actions"]}
        rowsOf={(page) => page.items}
        empty={<Empty title="No records" />}
      >
        {(record) => (
          <tr key={record.recordId} className="record">
            <Value value={record.inputs} label="Inputs" />
            <Value value={record.expectations} label="Expectations" />
            <Value value={record.outputs} label="Outputs" />
            <td>
              {record.traceId ? (
                <a href={traceHash(experimentId, record.traceId)}>Trace</a>
              ) : (
                <span className="quiet">{record.sourceType.toLowerCase() || "–"}</span>
              )}
            </td>
            <td className="actions">
              {mayChange && (
                <IconButton icon="trash" label="Delete the record" onClick={() => setGoing(record)} />
              )}
            </td>
          </tr>
        )}
      </PagedTable>
      {going && (
        <Dialog
          title="Delete the record?"
          action="Delete"
          isDanger
          onClose={() => setGoing(null)}
          onConfirm={async () => {
            await deleteRecords(datasetId, [going.recordId]);
            await queries.invalidateQueries({
              predicate: ({ queryKey }) => String(queryKey[0]).startsWith("evaluation-"),
            });
          }}
        >
          <LongText text={shownValue(going.inputs)} label="Inputs" isCode />
        </Dialog>
      )}
    </>
  );
}

function Value({ value, label }: { value: unknown; label: string }) {
  const isEmpty = value === undefined || value === null;
  return (
    <td className="record-value">
      {isEmpty ? (
        <span className="quiet">–</span>
      ) : (
        <LongText text={shownValue(value)} label={label} isCode />
      )}
    </td>
  );
}
