import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useMemo } from "react";
import { getLoggedModel } from "../api/mlflow.ts";
import type { LoggedModel } from "../api/types.ts";
import { experimentHash, experimentsHash, modelHash, runHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { ArtifactBrowser } from "../artifacts/ArtifactBrowser.tsx";
import { CopyButton } from "../parts/CopyButton.tsx";
import { FactsCard } from "../parts/Facts.tsx";
import { number } from "../parts/format.ts";
import { PageHead } from "../parts/PageHead.tsx";
import { PairsCard } from "../parts/PairsCard.tsx";
import { Failure, Skeleton } from "../parts/States.tsx";
import { Time } from "../parts/Time.tsx";

const TONES: Record<string, string> = { READY: "good", PENDING: "live", UPLOAD_FAILED: "bad" };

function factsOf(model: LoggedModel): [string, ReactNode][] {
  return [
    ["Created", <Time key="created" ms={model.createdMs} />],
    ["Changed", <Time key="changed" ms={model.updatedMs} />],
    ["Kind", model.modelType || undefined],
    [
      "Made by run",
      model.sourceRunId ? (
        <a key="run" className="mono" href={runHash(model.experimentId, model.sourceRunId)}>
          {model.sourceRunId}
        </a>
      ) : undefined,
    ],
    ["Files", model.artifactUri],
  ];
}

const pairRows = (pairs: Map<string, string>) => [...pairs].map(([key, text]) => ({ key, text }));

export function ModelScreen(props: { experimentId: string; modelId: string; artifactPath: string }) {
  const { experimentId, modelId, artifactPath } = props;
  const query = useQuery({
    queryKey: ["model", modelId],
    queryFn: ({ signal }) => getLoggedModel(modelId, signal),
    refetchInterval: 15_000,
  });
  const model = query.data;
  const owner = useMemo(() => ({ kind: "model" as const, modelId }), [modelId]);
  useDocumentTitle(model?.name ?? "Model");
  if (!model) {
    return query.isError ? (
      <Failure isPage error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <div className="page">
        <Skeleton lines={8} label="Loading the model" />
      </div>
    );
  }
  return (
    <div className="page stack">
      <PageHead
        trail={[
          ["Experiments", experimentsHash()],
          [experimentId, experimentHash(experimentId)],
        ]}
        here="Models"
        title={model.name || modelId}
        marks={
          <>
            <span className={`pill ${TONES[model.status] ?? ""}`}>
              <span className="mark" />
              {model.status.toLowerCase().replaceAll("_", " ")}
            </span>
            <span className="row quiet">
              <code className="wide-only">{modelId}</code>
              <CopyButton text={modelId} label="Copy the model's ID" />
            </span>
          </>
        }
      />
      <div className="overview">
        <div className="stack">
          <FactsCard facts={factsOf(model)} />
          <PairsCard title="Params" empty="No params were logged." rows={pairRows(model.params)} />
        </div>
        <div className="stack">
          <PairsCard
            title="Metrics"
            empty="No metrics were logged."
            moreTitles={["Step"]}
            rows={model.metrics.map((metric) => ({
              key: metric.key,
              text: String(metric.value),
              shown: <span className="number">{number(metric.value)}</span>,
              more: [metric.step],
            }))}
          />
          <PairsCard title="Tags" empty="No tags were set." rows={pairRows(model.tags)} />
        </div>
      </div>
      <ArtifactBrowser
        owner={owner}
        selectedPath={artifactPath}
        isLive={model.status === "PENDING"}
        hrefOf={(path) => modelHash(experimentId, modelId, path)}
      />
    </div>
  );
}
