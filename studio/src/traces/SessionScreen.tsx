import { trackingUri } from "../api/address.ts";
import { TRACE_ORDERS } from "../api/traces.ts";
import type { Trace } from "../api/traceTypes.ts";
import { experimentsHash, sessionsHash, traceHash, tracesHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { useExperimentName } from "../experiments/queries.ts";
import { PageHead } from "../parts/PageHead.tsx";
import { Snippet } from "../parts/Snippet.tsx";
import { Empty, Failure, Skeleton } from "../parts/States.tsx";
import { Duration, Time } from "../parts/Time.tsx";
import { LongText } from "./LongText.tsx";
import { useTraces } from "./queries.ts";
import { TracePill } from "./TracePill.tsx";
import { firstTrace } from "./words.ts";

/** A session from its beginning on: what was asked, and what was answered. */
export function SessionScreen({ experimentId, sessionId }: { experimentId: string; sessionId: string }) {
  const name = useExperimentName(experimentId);
  useDocumentTitle(`Session ${sessionId}`);
  const found = useTraces({
    experimentId,
    typed: "",
    state: "",
    withinMs: null,
    runId: "",
    sessionId,
    orderBy: TRACE_ORDERS[1],
  });
  const traces = found.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="page stack">
      <PageHead
        trail={[
          ["Experiments", experimentsHash()],
          [name, tracesHash(experimentId)],
          ["Sessions", sessionsHash(experimentId)],
        ]}
        title={`Session ${sessionId}`}
      />
      {found.isPending && <Skeleton lines={8} label="Loading the session" />}
      {found.isError && !found.data && <Failure error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && traces.length === 0 && (
        <Empty title="No trace names this session">
          <Snippet code={firstTrace(trackingUri(), name)} />
        </Empty>
      )}
      {traces.map((trace) => (
        <Turn key={trace.traceId} trace={trace} />
      ))}
      {found.hasNextPage && (
        <button type="button" className="button" onClick={() => void found.fetchNextPage()}>
          Show more
        </button>
      )}
    </div>
  );
}

/** One request of the session. */
function Turn({ trace }: { trace: Trace }) {
  const endedMs = trace.executionMs === null ? null : (trace.startedMs ?? 0) + trace.executionMs;
  return (
    <section className="card" aria-label={`Trace ${trace.name}`}>
      <header className="row wrap">
        <h2 className="grow">
          <a className="wrap-anywhere" href={traceHash(trace.experimentId, trace.traceId)}>
            {trace.name}
          </a>
        </h2>
        <TracePill state={trace.state} />
        <span className="quiet">
          <Time ms={trace.startedMs} /> · <Duration startedMs={trace.startedMs} endedMs={endedMs} />
        </span>
      </header>
      <div className="card-note stack">
        <div className="message user">
          <h3>Request</h3>
          <LongText text={trace.requestPreview} label="Request" />
        </div>
        <div className="message assistant">
          <h3>Response</h3>
          <LongText text={trace.responsePreview} label="Response" />
        </div>
      </div>
    </section>
  );
}
