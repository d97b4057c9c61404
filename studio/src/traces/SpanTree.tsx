import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useId, useRef } from "react";
import { shortDuration } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { barOf, type Extent, type SpanNode } from "./tree.ts";

const ROW_PX = 30;
const ROWS_AHEAD = 10;
const INDENT_PX = 14;
/** Deeper spans stand below each other: their names would have no place. */
const DEEPEST_INDENT = 12;
const MARKS = [0, 0.25, 0.5, 0.75, 1];

interface Props {
  nodes: SpanNode[];
  closed: ReadonlySet<string>;
  chosenId: string;
  extent: Extent;
  onChoose: (spanId: string) => void;
  onOpen: (spanId: string, isOpen: boolean) => void;
}

/** Spans below each other, each with its bar in time; only the rows in sight are in the page. */
export function SpanTree(props: Props) {
  const { nodes, closed, chosenId, extent, onChoose, onOpen } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const virtual = useVirtualizer({
    count: nodes.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: ROWS_AHEAD,
  });
  const at = nodes.findIndex((node) => node.span.spanId === chosenId);
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at);
  }, [at, virtual]);

  function onKeyDown(event: KeyboardEvent) {
    const node = nodes[at];
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: nodes.length - 1,
    };
    const next = steps[event.key];
    if (next !== undefined) {
      const there = nodes[Math.min(Math.max(next, 0), nodes.length - 1)];
      if (there) onChoose(there.span.spanId);
    } else if (event.key === "ArrowRight" && node) onOpen(chosenId, true);
    else if (event.key === "ArrowLeft" && node) {
      if (node.belowCount > 0 && !closed.has(chosenId)) onOpen(chosenId, false);
      else if (node.parentId) onChoose(node.parentId);
    } else return;
    event.preventDefault();
  }

  const items = virtual.getVirtualItems();
  const isChosenInSight = items.some((item) => item.index === at);
  return (
    <div className="span-tree">
      <Scale extent={extent} />
      <div
        ref={scroller}
        className="span-scroll"
        role="tree"
        tabIndex={0}
        aria-label="Spans of the trace"
        aria-activedescendant={isChosenInSight ? `${id}-${at}` : undefined}
        onKeyDown={onKeyDown}
      >
        <div role="presentation" className="span-rows" style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const node = nodes[item.index];
            return node ? (
              <Row
                key={node.span.spanId}
                id={`${id}-${item.index}`}
                node={node}
                top={item.start}
                extent={extent}
                isOpen={!closed.has(node.span.spanId)}
                isChosen={node.span.spanId === chosenId}
                onChoose={onChoose}
                onOpen={onOpen}
              />
            ) : null;
          })}
        </div>
      </div>
    </div>
  );
}

/** Times over the bars. */
function Scale({ extent }: { extent: Extent }) {
  const wholeMs = extent.toMs - extent.fromMs;
  return (
    <div className="span-scale" aria-hidden="true">
      <span className="span-label quiet">Span</span>
      <span className="span-times">
        {MARKS.map((part) => (
          <span key={part} style={{ left: `${part * 100}%` }}>
            {shortDuration(wholeMs * part)}
          </span>
        ))}
      </span>
    </div>
  );
}

interface RowProps extends Pick<Props, "extent" | "onChoose" | "onOpen"> {
  id: string;
  node: SpanNode;
  top: number;
  isOpen: boolean;
  isChosen: boolean;
}

function Row({ id, node, top, extent, isOpen, isChosen, onChoose, onOpen }: RowProps) {
  const { span, depth, belowCount } = node;
  const bar = barOf(span, extent);
  const length = span.endedMs === null ? "in progress" : shortDuration(span.endedMs - span.startedMs);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree takes the keys, as ARIA's pattern has it
    <div
      id={id}
      role="treeitem"
      tabIndex={-1}
      aria-level={depth + 1}
      aria-selected={isChosen}
      aria-expanded={belowCount > 0 ? isOpen : undefined}
      className={`span-row ${isChosen ? "chosen" : ""} ${span.status === "ERROR" ? "failed" : ""}`}
      style={{ top, height: ROW_PX }}
      onClick={() => onChoose(span.spanId)}
    >
      <span className="span-label" style={{ paddingLeft: Math.min(depth, DEEPEST_INDENT) * INDENT_PX }}>
        {belowCount > 0 ? (
          // biome-ignore lint/a11y/noStaticElementInteractions: for the mouse alone; the tree takes the keys
          // biome-ignore lint/a11y/useKeyWithClickEvents: for the mouse alone; the tree takes the keys
          <span
            className="span-fold"
            title={isOpen ? "Close" : `Open ${belowCount}`}
            onClick={(event) => {
              event.stopPropagation();
              onOpen(span.spanId, !isOpen);
            }}
          >
            <Icon name={isOpen ? "down" : "right"} size={13} />
          </span>
        ) : (
          <span className="span-fold" />
        )}
        <span className="ellipsis" title={span.name}>
          {span.name}
        </span>
        {span.type && <span className="span-type">{span.type}</span>}
        {span.status === "ERROR" && <span className="visually-hidden">Error</span>}
      </span>
      <span className="span-times">
        <span
          className={`span-bar ${span.endedMs === null ? "live" : ""}`}
          style={{ left: `${bar.left}%`, width: `max(${bar.width}%, 2px)` }}
        />
        <span
          className={`span-length number ${bar.left + bar.width > 70 ? "before" : ""}`}
          style={
            bar.left + bar.width > 70 ? { right: `${100 - bar.left}%` } : { left: `${bar.left + bar.width}%` }
          }
        >
          {span.endedMs === null ? "…" : length}
        </span>
      </span>
    </div>
  );
}
