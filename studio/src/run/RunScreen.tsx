import { useQuery } from "@tanstack/react-query";
import { lazy, useState } from "react";
import { may, useCaller } from "../api/caller.ts";
import type { Job, JobWithEnvironment } from "../api/jobs.ts";
import { getRun } from "../api/mlflow.ts";
import type { Run } from "../api/types.ts";
import { experimentHash, experimentsHash, RUN_TABS, type RunTab, runHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { useExperimentName } from "../experiments/queries.ts";
import { CancelDialog } from "../jobs/CancelDialog.tsx";
import { CodeTab } from "../jobs/CodeTab.tsx";
import { EnvironmentTab } from "../jobs/EnvironmentTab.tsx";
import { JobCards } from "../jobs/JobCards.tsx";
import { JobPill } from "../jobs/JobPill.tsx";
import { useJob } from "../jobs/queries.ts";
import { isOver } from "../jobs/words.ts";
import { CopyButton } from "../parts/CopyButton.tsx";
import { Icon } from "../parts/Icon.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { Empty, Failure, Skeleton } from "../parts/States.tsx";
import { StatusPill } from "../parts/StatusPill.tsx";
import { SubmitButton } from "../submit/SubmitButton.tsx";
import { RunActions } from "./RunActions.tsx";
import { RunMetrics } from "./RunMetrics.tsx";
import { RunOverview } from "./RunOverview.tsx";

const RunTraces = lazy(async () => ({ default: (await import("../traces/index.ts")).RunTraces }));
const RunFiles = lazy(async () => ({ default: (await import("./RunFiles.tsx")).RunFiles }));
const LogTab = lazy(async () => ({ default: (await import("../log/LogTab.tsx")).LogTab }));

const LIVE_MS = 1000;
const QUIET_MS = 15_000;
const TAB_LABELS: Record<RunTab, string> = {
  overview: "Overview",
  metrics: "Metrics",
  logs: "Logs",
  code: "Code",
  environment: "Environment",
  traces: "Traces",
  artifacts: "Artifacts",
};

interface Props {
  experimentId: string;
  runId: string;
  tab: RunTab;
  artifactPath: string;
}

/** What only a run that a workspace runs as a job has. */
const TABS_OF_JOBS: readonly RunTab[] = ["code", "environment"];
const COMPUTE_TAG = "runyard.compute";

interface TabProps {
  run: Run;
  job: JobWithEnvironment | null;
  tab: RunTab;
  artifactPath: string;
}

function Tab({ run, job, tab, artifactPath }: TabProps) {
  switch (tab) {
    case "overview":
      return (
        <div className="stack">
          {job && <JobCards job={job.job} />}
          <RunOverview run={run} />
        </div>
      );
    case "logs":
      return (
        <LogTab
          runId={run.runId}
          isLive={job ? !isOver(job.job) : run.status === "RUNNING"}
          hasFailed={run.status === "FAILED"}
          isJob={job !== null}
        />
      );
    case "code":
      return job ? <CodeTab run={run} job={job.job} path={artifactPath} /> : <NoJob />;
    case "environment":
      return job ? <EnvironmentTab environment={job.environment ?? {}} /> : <NoJob />;
    case "traces":
      return <RunTraces run={run} />;
    case "metrics":
      return <RunMetrics run={run} />;
    case "artifacts":
      return <RunFiles run={run} path={artifactPath} />;
  }
}

function NoJob() {
  return (
    <Empty title="This run is no job">
      <p className="quiet">Code and environment are kept of what is submitted to a compute target.</p>
    </Empty>
  );
}

function CancelButton({ job }: { job: Job }) {
  const caller = useCaller();
  const [isAsked, setIsAsked] = useState(false);
  if (isOver(job) || !may(caller, "CONTRIBUTE")) return null;
  return (
    <>
      <button
        type="button"
        className="button"
        disabled={job.is_cancel_requested}
        onClick={() => setIsAsked(true)}
      >
        <Icon name="ban" /> Cancel
      </button>
      {isAsked && <CancelDialog jobs={[job]} onClose={() => setIsAsked(false)} />}
    </>
  );
}

export function RunScreen({ experimentId, runId, tab, artifactPath }: Props) {
  const query = useQuery({
    queryKey: ["run", runId],
    queryFn: ({ signal }) => getRun(runId, signal),
    refetchInterval: ({ state }) =>
      state.data?.status === "RUNNING" || state.data?.status === "SCHEDULED" ? LIVE_MS : QUIET_MS,
  });
  const run = query.data;
  const isJob = run?.tags.has(COMPUTE_TAG) ?? false;
  const jobQuery = useJob(runId, isJob);
  const job = jobQuery.data ?? null;
  const experimentName = useExperimentName(run?.experimentId || experimentId);
  useDocumentTitle(run?.name ?? "Run");
  if (!run) {
    return query.isError ? (
      <Failure isPage error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <div className="page">
        <Skeleton lines={9} label="Loading the run" />
      </div>
    );
  }
  const tabs = RUN_TABS.filter((name) => job !== null || !TABS_OF_JOBS.includes(name));
  return (
    <div className="page stack">
      <PageHead
        trail={[
          ["Experiments", experimentsHash()],
          [experimentName, experimentHash(run.experimentId)],
        ]}
        title={run.name}
        marks={
          <>
            {job && !run.isDeleted ? (
              <JobPill job={job.job} />
            ) : (
              <StatusPill status={run.status} isDeleted={run.isDeleted} />
            )}
            <span className="row quiet">
              <code className="wide-only">{run.runId}</code>
              <CopyButton text={run.runId} label="Copy the run's ID" />
            </span>
          </>
        }
        actions={
          <>
            {job && <CancelButton job={job.job} />}
            {job && isOver(job.job) && <SubmitButton before={{ ...job, run }} />}
            <RunActions run={run} />
          </>
        }
      />
      <nav className="tabs" aria-label="Parts of the run">
        {tabs.map((name) => (
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
      {isJob && jobQuery.isPending ? (
        <Skeleton lines={6} label="Loading the job" />
      ) : (
        <Tab run={run} job={job} tab={tab} artifactPath={artifactPath} />
      )}
    </div>
  );
}
