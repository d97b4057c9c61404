import type { ReactNode } from "react";
import type { Run } from "../api/types.ts";
import { jobHash, modelHash, sweepHash } from "../app/route.ts";
import { CopyButton } from "../parts/CopyButton.tsx";
import { Facts, FactsCard } from "../parts/Facts.tsx";
import { number } from "../parts/format.ts";
import { PairsCard } from "../parts/PairsCard.tsx";
import { Duration, Time } from "../parts/Time.tsx";
import { byName } from "../runs/columns.ts";
import { NOTE_TAG, RunNote } from "./RunNote.tsx";
import { usePartsOf } from "./usePartsOf.tsx";

/** A run that the code of a job began says which. */
const JOB_TAG = "runyard.job";
/** The run of a sweep says what that searches for, and that of a trial which values it has. */
const SWEEP_TAG = "runyard.sweep";
const PARAMETERS_TAG = "runyard.sweep.parameters";
const PARENT_TAG = "mlflow.parentRunId";

function withCopy(text: string, label: string): ReactNode {
  return (
    <span className="row">
      <span className="wrap-anywhere">{text}</span>
      <CopyButton text={text} label={label} />
    </span>
  );
}

function sweepLink(run: Run): ReactNode {
  if (run.tags.has(SWEEP_TAG)) return <a href={sweepHash(run.runId)}>its charts and all its trials</a>;
  const parent = run.tags.get(PARENT_TAG);
  if (!parent || !run.tags.has(PARAMETERS_TAG)) return undefined;
  return <a href={sweepHash(parent)}>that this is a trial of</a>;
}

function factsOf(run: Run): [string, ReactNode][] {
  const source = run.tags.get("mlflow.source.name");
  const job = run.tags.get(JOB_TAG);
  const commit = run.tags.get("mlflow.source.git.commit");
  return [
    ["Started", <Time key="started" ms={run.startedMs} />],
    ["Ended", run.endedMs === null ? undefined : <Time key="ended" ms={run.endedMs} />],
    ["Duration", <Duration key="duration" startedMs={run.startedMs} endedMs={run.endedMs} />],
    ["User", run.user || undefined],
    ["Begun by the job", job && <a href={jobHash(job)}>{job}</a>],
    ["Sweep", sweepLink(run)],
    ["Source", source],
    ["Git commit", commit && withCopy(commit, "Copy the commit")],
    ["Git branch", run.tags.get("mlflow.source.git.branch")],
    ["Files", withCopy(run.artifactUri, "Copy the artifact address")],
  ];
}

function ModelLinks({ run, modelIds }: { run: Run; modelIds: string[] }) {
  return (
    <ul>
      {modelIds.map((modelId) => (
        <li key={modelId}>
          <a className="mono wrap-anywhere" href={modelHash(run.experimentId, modelId)}>
            {modelId}
          </a>
        </li>
      ))}
    </ul>
  );
}

function Lineage({ run }: { run: Run }) {
  if (run.datasets.length + run.modelInputs.length + run.modelOutputs.length === 0) return null;
  const facts: [string, ReactNode][] = run.datasets.map((dataset) => [
    dataset.context ? `Dataset (${dataset.context})` : "Dataset",
    <span key={dataset.digest} title={dataset.source}>
      {dataset.name} <span className="quiet mono">{dataset.digest}</span>
    </span>,
  ]);
  if (run.modelInputs.length > 0) {
    facts.push(["Models used", <ModelLinks key="in" run={run} modelIds={run.modelInputs} />]);
  }
  if (run.modelOutputs.length > 0) {
    facts.push(["Models logged", <ModelLinks key="out" run={run} modelIds={run.modelOutputs} />]);
  }
  return (
    <section className="card" aria-label="Inputs and outputs">
      <header>
        <h2>Inputs and outputs</h2>
      </header>
      <Facts facts={facts} />
    </section>
  );
}

/** What the run is, what it was given and what came out. */
export function RunOverview({ run }: { run: Run }) {
  const tags = [...run.tags].filter(([key]) => key !== NOTE_TAG);
  const parts = usePartsOf(run);
  const metrics = [...run.metrics.values()].sort((a, b) => byName(a.key, b.key));
  return (
    <div className="stack">
      <RunNote run={run} />
      <div className="overview">
        <div className="stack">
          <FactsCard facts={factsOf(run)} />
          <PairsCard
            title="Params"
            empty="No params were logged."
            {...parts.of("param")}
            rows={[...run.params].sort(([a], [b]) => byName(a, b)).map(([key, text]) => ({ key, text }))}
          />
        </div>
        <div className="stack">
          <PairsCard
            title="Metrics"
            empty="No metrics were logged."
            valueTitle="Latest"
            {...parts.of("metric")}
            moreTitles={["Step", "Logged"]}
            rows={metrics.map((metric) => ({
              key: metric.key,
              text: String(metric.value),
              shown: <span className="number">{number(metric.value)}</span>,
              more: [metric.step, <Time key="logged" ms={metric.timestampMs} isRelative />],
            }))}
          />
          <Lineage run={run} />
          <PairsCard
            title="Tags"
            empty="No tags were set."
            {...parts.of("tag")}
            rows={tags.sort(([a], [b]) => byName(a, b)).map(([key, text]) => ({ key, text }))}
          />
        </div>
      </div>
      {parts.dialog}
    </div>
  );
}
