import { type ReactNode, useState } from "react";
import { may, useCaller } from "../api/caller.ts";
import { SESSION_KEY } from "../api/traces.ts";
import type { Trace } from "../api/traceTypes.ts";
import { costOf, promptsOf, tokensOf } from "../api/traceWire.ts";
import { go } from "../app/location.ts";
import {
  experimentsHash,
  modelHash,
  modelVersionHash,
  runHash,
  sessionHash,
  tracesHash,
} from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { useExperimentName } from "../experiments/queries.ts";
import { CopyButton } from "../parts/CopyButton.tsx";
import { FactsCard } from "../parts/Facts.tsx";
import { number } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { PairsCard } from "../parts/PairsCard.tsx";
import { Failure, Skeleton } from "../parts/States.tsx";
import { Duration, Time } from "../parts/Time.tsx";
import { AssessmentsCard } from "./AssessmentsCard.tsx";
import { DeleteTraces } from "./DeleteTraces.tsx";
import { useTrace } from "./queries.ts";
import { SpansCard } from "./SpansCard.tsx";
import { TagsCard } from "./TagsCard.tsx";
import { TracePill } from "./TracePill.tsx";

function factsOf(trace: Trace): [string, ReactNode][] {
  const { experimentId, startedMs, executionMs } = trace;
  const runId = trace.metadata.get("mlflow.sourceRun");
  const modelId = trace.metadata.get("mlflow.modelId");
  const sessionId = trace.metadata.get(SESSION_KEY);
  const prompts = promptsOf(trace);
  const cost = costOf(trace);
  const endedMs = executionMs === null ? null : (startedMs ?? 0) + executionMs;
  const isTimed = executionMs !== null || trace.state === "IN_PROGRESS";
  return [
    ["Started", <Time key="started" ms={startedMs} />],
    ["Duration", isTimed && <Duration key="duration" startedMs={startedMs} endedMs={endedMs} />],
    ["Tokens", tokensOf(trace)?.toLocaleString("en")],
    ["Cost", cost === null ? undefined : `$ ${number(cost)}`],
    ["Run", runId && <Link href={runHash(experimentId, runId)} text={runId} />],
    ["Model", modelId && <Link href={modelHash(experimentId, modelId)} text={modelId} />],
    ["Session", sessionId && <Link href={sessionHash(experimentId, sessionId)} text={sessionId} />],
    ["User", trace.metadata.get("mlflow.trace.user")],
    [
      "Prompts",
      prompts.length > 0 &&
        prompts.map(({ name, version }) => (
          <div key={`${name} ${version}`}>
            <Link href={modelVersionHash("prompts", name, version)} text={`${name} version ${version}`} />
          </div>
        )),
    ],
    ["Client's request", trace.clientRequestId],
  ];
}

const Link = ({ href, text }: { href: string; text: string }) => (
  <a className="wrap-anywhere" href={href}>
    {text}
  </a>
);

/** One trace: its spans in time, what it was given and gave, and what is thought of it. */
export function TraceScreen({ experimentId, traceId }: { experimentId: string; traceId: string }) {
  const query = useTrace(traceId);
  const trace = query.data;
  const name = useExperimentName(trace?.experimentId || experimentId);
  const caller = useCaller();
  const [isAsked, setIsAsked] = useState(false);
  useDocumentTitle(trace?.name ?? "Trace");
  if (!trace) {
    return query.isError ? (
      <Failure isPage error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <div className="page">
        <Skeleton lines={9} label="Loading the trace" />
      </div>
    );
  }
  const mayChange = may(caller, "CONTRIBUTE");
  const list = tracesHash(trace.experimentId);
  return (
    <div className="page wide stack">
      <PageHead
        trail={[
          ["Experiments", experimentsHash()],
          [name, list],
        ]}
        here="Traces"
        title={trace.name}
        marks={
          <>
            <TracePill state={trace.state} />
            <span className="row quiet">
              <code className="wide-only">{trace.traceId}</code>
              <CopyButton text={trace.traceId} label="Copy the trace's ID" />
            </span>
          </>
        }
        actions={
          mayChange && (
            <button type="button" className="button danger" onClick={() => setIsAsked(true)}>
              <Icon name="trash" /> Delete
            </button>
          )
        }
      />
      <SpansCard trace={trace} />
      <div className="overview">
        <div className="stack">
          <AssessmentsCard trace={trace} mayChange={mayChange} />
          <TagsCard trace={trace} mayChange={mayChange} />
        </div>
        <div className="stack">
          <FactsCard facts={factsOf(trace)} />
          <PairsCard
            title="Metadata"
            empty="None was logged."
            rows={[...trace.metadata].map(([key, text]) => ({ key, text }))}
          />
        </div>
      </div>
      {isAsked && (
        <DeleteTraces
          experimentId={trace.experimentId}
          traceIds={[trace.traceId]}
          onClose={() => setIsAsked(false)}
          onDone={() => go(list)}
        />
      )}
    </div>
  );
}
