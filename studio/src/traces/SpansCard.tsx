import { useMemo, useState } from "react";
import type { Trace } from "../api/traceTypes.ts";
import { useUrlQuery } from "../app/location.ts";
import { plural } from "../parts/format.ts";
import { SearchField } from "../parts/SearchField.tsx";
import { Empty, Failure, Skeleton } from "../parts/States.tsx";
import { useSpans } from "./queries.ts";
import { SpanDetails } from "./SpanDetails.tsx";
import { SpanTree } from "./SpanTree.tsx";
import { extentOf, shownNodes, treeOf } from "./tree.ts";

/** The spans of a trace as a tree over time, and beside it the chosen one. */
export function SpansCard({ trace }: { trace: Trace }) {
  const isLive = trace.state === "IN_PROGRESS";
  const found = useSpans(trace.traceId, isLive);
  const [query, change] = useUrlQuery();
  const [words, setWords] = useState("");
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const spans = found.data;
  const nodes = useMemo(() => treeOf(spans ?? []), [spans]);
  const extent = useMemo(() => extentOf(spans ?? []), [spans]);
  const shown = useMemo(() => shownNodes(nodes, closed, words), [nodes, closed, words]);
  const chosen = nodes.find((node) => node.span.spanId === query.get("span")) ?? nodes[0];

  function setOpen(spanId: string, isOpen: boolean) {
    const next = new Set(closed);
    if (isOpen) next.delete(spanId);
    else next.add(spanId);
    setClosed(next);
  }

  return (
    <section className="card" aria-label="Spans">
      <header className="row wrap">
        <h2 className="grow">
          Spans {spans && <span className="quiet number">{plural(nodes.length, "span")}</span>}
        </h2>
        {nodes.length > 1 && <SearchField label="Find spans" value={words} onChange={setWords} />}
      </header>
      {found.isPending && (
        <div className="card-note">
          <Skeleton lines={6} label="Loading spans" />
        </div>
      )}
      {found.isError && !spans && <Failure error={found.error} onRetry={() => void found.refetch()} />}
      {spans && nodes.length === 0 && (
        <Empty title="No spans">
          <p className="quiet">Its client has sent none{isLive ? " yet" : ""}.</p>
        </Empty>
      )}
      {chosen && (
        <div className="spans">
          <SpanTree
            nodes={shown}
            closed={words.trim() ? NONE : closed}
            chosenId={chosen.span.spanId}
            extent={extent}
            onChoose={(span) => change({ span })}
            onOpen={setOpen}
          />
          <SpanDetails key={chosen.span.spanId} span={chosen.span} trace={trace} />
        </div>
      )}
    </section>
  );
}

const NONE: ReadonlySet<string> = new Set();
