/** The tree that spans make, and where each lies in time. Pure. */
import type { Span } from "../api/traceTypes.ts";

export interface SpanNode {
  span: Span;
  depth: number;
  /** How many spans are below it. */
  belowCount: number;
  parentId: string;
}

/** Spans in the order of a tree: each before those below it, siblings by their beginning.
 *
 * One whose parent is not there is a root; those that go round in a circle follow at the end, so that none is lost.
 */
export function treeOf(spans: readonly Span[]): SpanNode[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const below = new Map<string, Span[]>();
  for (const span of [...byId.values()].sort((a, b) => a.startedMs - b.startedMs)) {
    const parent = byId.has(span.parentId) && span.parentId !== span.spanId ? span.parentId : "";
    const siblings = below.get(parent);
    if (siblings) siblings.push(span);
    else below.set(parent, [span]);
  }
  const nodes: SpanNode[] = [];
  const seen = new Set<string>();
  for (const root of below.get("") ?? []) walk(root, below, seen, nodes);
  for (const span of byId.values()) walk(span, below, seen, nodes);
  count(nodes);
  return nodes;
}

/** Without calls of itself: a chain of spans may be longer than a stack is deep. */
function walk(root: Span, below: Map<string, Span[]>, seen: Set<string>, nodes: SpanNode[]): void {
  const waiting: [Span, number, string][] = [[root, 0, ""]];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [span, depth, parentId] = next;
    if (seen.has(span.spanId)) continue;
    seen.add(span.spanId);
    nodes.push({ span, depth, belowCount: 0, parentId });
    for (const child of [...(below.get(span.spanId) ?? [])].reverse()) {
      waiting.push([child, depth + 1, span.spanId]);
    }
  }
}

function count(nodes: SpanNode[]): void {
  const byId = new Map(nodes.map((node) => [node.span.spanId, node]));
  for (const node of [...nodes].reverse()) {
    const above = byId.get(node.parentId);
    if (above) above.belowCount += node.belowCount + 1;
  }
}

/** The rows to show: nothing below what is closed; with words, what matches and the way to it. */
export function shownNodes(
  nodes: readonly SpanNode[],
  closed: ReadonlySet<string>,
  words: string,
): SpanNode[] {
  if (words.trim()) return matching(nodes, words.trim().toLowerCase());
  const shown: SpanNode[] = [];
  let hiddenBelow = Number.POSITIVE_INFINITY;
  for (const node of nodes) {
    if (node.depth > hiddenBelow) continue;
    hiddenBelow = closed.has(node.span.spanId) ? node.depth : Number.POSITIVE_INFINITY;
    shown.push(node);
  }
  return shown;
}

function matching(nodes: readonly SpanNode[], words: string): SpanNode[] {
  const byId = new Map(nodes.map((node) => [node.span.spanId, node]));
  const kept = new Set<SpanNode>();
  for (const node of nodes) {
    const { name, type } = node.span;
    if (!name.toLowerCase().includes(words) && !type.toLowerCase().includes(words)) continue;
    for (let up: SpanNode | undefined = node; up && !kept.has(up); up = byId.get(up.parentId)) kept.add(up);
  }
  return nodes.filter((node) => kept.has(node));
}

export interface Extent {
  fromMs: number;
  toMs: number;
}

/** From the first beginning to the last end; what goes on has no end yet. */
export function extentOf(spans: readonly Span[]): Extent {
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = Number.NEGATIVE_INFINITY;
  for (const { startedMs, endedMs } of spans) {
    fromMs = Math.min(fromMs, startedMs);
    toMs = Math.max(toMs, endedMs ?? startedMs);
  }
  return spans.length > 0 ? { fromMs, toMs } : { fromMs: 0, toMs: 0 };
}

/** Where a span's bar begins and how wide it is, in percent. */
export function barOf(span: Span, { fromMs, toMs }: Extent): { left: number; width: number } {
  const wholeMs = Math.max(toMs - fromMs, 1e-6);
  const left = (100 * (span.startedMs - fromMs)) / wholeMs;
  const width = (100 * ((span.endedMs ?? toMs) - span.startedMs)) / wholeMs;
  return { left: Math.min(Math.max(left, 0), 100), width: Math.min(Math.max(width, 0), 100) };
}
