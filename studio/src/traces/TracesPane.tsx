import { type ReactNode, useState } from "react";
import { may, useCaller } from "../api/caller.ts";
import { TRACE_ORDERS, type TraceQuestion } from "../api/traces.ts";
import type { Trace } from "../api/traceTypes.ts";
import { Refused } from "../api/transport.ts";
import { useUrlQuery } from "../app/location.ts";
import { plural } from "../parts/format.ts";
import { Empty, Failure, Skeleton } from "../parts/States.tsx";
import { DeleteTraces } from "./DeleteTraces.tsx";
import { useTraces } from "./queries.ts";
import { TraceFilters } from "./TraceFilters.tsx";
import { TracesTable } from "./TracesTable.tsx";
import { PERIODS } from "./words.ts";

interface Props {
  experimentId: string;
  runId?: string;
  sessionId?: string;
  /** How to log the first one. */
  empty: ReactNode;
}

function questionOf(
  { experimentId, runId = "", sessionId = "" }: Props,
  query: URLSearchParams,
): TraceQuestion {
  const order = query.get("order") ?? "";
  return {
    experimentId,
    typed: query.get("filter") ?? "",
    state: query.get("state") ?? "",
    withinMs: PERIODS[query.get("since") ?? ""]?.ms ?? null,
    runId,
    sessionId,
    orderBy: TRACE_ORDERS.find((known) => known === order) ?? TRACE_ORDERS[0],
  };
}

/** Traces of an experiment, a run or a session: searched, looked through, deleted. */
export function TracesPane(props: Props) {
  const [query, change] = useUrlQuery();
  const question = questionOf(props, query);
  const found = useTraces(question);
  const traces = found.data?.pages.flatMap((page) => page.items) ?? [];
  const isFiltered = Boolean(question.typed || question.state || question.withinMs !== null);
  const isFilterRefused = found.error instanceof Refused && found.error.status === 400;
  return (
    <div className="stack">
      <TraceFilters query={query} error={found.error} change={change} />
      {found.isPending && <Skeleton lines={8} label="Loading traces" />}
      {found.isError && !isFilterRefused && !found.data && (
        <Failure error={found.error} onRetry={() => void found.refetch()} />
      )}
      {found.data && !isFilterRefused && (
        <Chosen
          experimentId={props.experimentId}
          traces={traces}
          instead={
            traces.length === 0 &&
            (isFiltered ? (
              <Empty title="No trace matches">
                <button
                  type="button"
                  className="button"
                  onClick={() => change({ filter: null, state: null, since: null })}
                >
                  Show all traces
                </button>
              </Empty>
            ) : (
              props.empty
            ))
          }
        />
      )}
      {found.hasNextPage && !isFilterRefused && (
        <button type="button" className="button" onClick={() => void found.fetchNextPage()}>
          Show more
        </button>
      )}
    </div>
  );
}

/** The table, and what can be done with the chosen rows. */
function Chosen(props: { experimentId: string; traces: Trace[]; instead: ReactNode }) {
  const { experimentId, traces, instead } = props;
  const caller = useCaller();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [isAsked, setIsAsked] = useState(false);
  const chosen = traces.map((trace) => trace.traceId).filter((traceId) => selected.has(traceId));
  const clear = () => setSelected(new Set());
  const selection = {
    selected,
    toggle: (traceId: string) => {
      const next = new Set(selected);
      if (!next.delete(traceId)) next.add(traceId);
      setSelected(next);
    },
    toggleAll: () =>
      setSelected(new Set(chosen.length === traces.length ? [] : traces.map((trace) => trace.traceId))),
  };
  return (
    <>
      {chosen.length > 0 && (
        <section className="card bulk row wrap" aria-label="Selected traces">
          <strong>{plural(chosen.length, "trace")} selected</strong>
          <button type="button" className="button small danger" onClick={() => setIsAsked(true)}>
            Delete
          </button>
          <button type="button" className="button small bare" onClick={clear}>
            Clear
          </button>
        </section>
      )}
      <TracesTable traces={traces} instead={instead} {...(may(caller, "CONTRIBUTE") ? { selection } : {})} />
      {isAsked && (
        <DeleteTraces
          experimentId={experimentId}
          traceIds={chosen}
          onClose={() => setIsAsked(false)}
          onDone={clear}
        />
      )}
    </>
  );
}
