import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { getExperiment, getRun } from "../api/mlflow.ts";
import type { Run } from "../api/types.ts";
import { experimentHash, experimentsHash, RUN_TABS, type RunTab, runHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { ArtifactBrowser } from "../artifacts/ArtifactBrowser.tsx";
import { CopyButton } from "../parts/CopyButton.tsx";
import { Failure, Skeleton } from "../parts/States.tsx";
import { StatusPill } from "../parts/StatusPill.tsx";
import { RunActions } from "./RunActions.tsx";
import { RunMetrics } from "./RunMetrics.tsx";
import { RunOverview } from "./RunOverview.tsx";

const LIVE_MS = 1000;
const QUIET_MS = 15_000;
const TAB_LABELS: Record<RunTab, string> = {
  overview: "Overview",
  metrics: "Metrics",
  artifacts: "Artifacts",
};

interface Props {
  experimentId: string;
  runId: string;
  tab: RunTab;
  artifactPath: string;
}

function Crumbs({ experimentId }: { experimentId: string }) {
  const { data } = useQuery({
    queryKey: ["experiment", experimentId],
    queryFn: ({ signal }) => getExperiment(experimentId, signal),
    staleTime: 60_000,
  });
  return (
    <nav className="crumbs" aria-label="Where you are">
      <a href={experimentsHash()}>Experiments</a>
      <span aria-hidden="true">/</span>
      <a className="wrap-anywhere" href={experimentHash(experimentId)}>
        {data?.name ?? experimentId}
      </a>
    </nav>
  );
}

function Tab({ run, tab, artifactPath }: { run: Run; tab: RunTab; artifactPath: string }) {
  const owner = useMemo(() => ({ kind: "run" as const, runId: run.runId }), [run.runId]);
  switch (tab) {
    case "overview":
      return <RunOverview run={run} />;
    case "metrics":
      return <RunMetrics run={run} />;
    case "artifacts":
      return (
        <ArtifactBrowser
          owner={owner}
          selectedPath={artifactPath}
          isLive={run.status === "RUNNING"}
          hrefOf={(path) => runHash(run.experimentId, run.runId, "artifacts", path)}
        />
      );
  }
}

export function RunScreen({ experimentId, runId, tab, artifactPath }: Props) {
  const query = useQuery({
    queryKey: ["run", runId],
    queryFn: ({ signal }) => getRun(runId, signal),
    refetchInterval: ({ state }) => (state.data?.status === "RUNNING" ? LIVE_MS : QUIET_MS),
  });
  const run = query.data;
  useDocumentTitle(run?.name ?? "Run");
  if (!run) {
    return query.isError ? (
      <Failure error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <div className="page">
        <Skeleton lines={9} label="Loading the run" />
      </div>
    );
  }
  return (
    <div className="page stack">
      <div>
        <Crumbs experimentId={run.experimentId || experimentId} />
        <div className="title">
          <h1>{run.name}</h1>
          <StatusPill status={run.status} isDeleted={run.isDeleted} />
          <span className="row quiet">
            <code className="wide-only">{run.runId}</code>
            <CopyButton text={run.runId} label="Copy the run's ID" />
          </span>
          <span className="grow" />
          <RunActions run={run} />
        </div>
      </div>
      <nav className="tabs" aria-label="Parts of the run">
        {RUN_TABS.map((name) => (
          <a
            key={name}
            href={runHash(run.experimentId, run.runId, name)}
            aria-current={name === tab ? "page" : undefined}
          >
            {TAB_LABELS[name]}
            {name === "metrics" && run.metrics.size > 0 && (
              <span className="quiet number"> {run.metrics.size}</span>
            )}
          </a>
        ))}
      </nav>
      <Tab run={run} tab={tab} artifactPath={artifactPath} />
    </div>
  );
}
