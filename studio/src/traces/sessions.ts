/** What traces that name the same session come to together. Pure. */
import { SESSION_KEY } from "../api/traces.ts";
import type { Trace } from "../api/traceTypes.ts";
import { tokensOf } from "../api/traceWire.ts";

export interface Session {
  sessionId: string;
  traceCount: number;
  errorCount: number;
  /** Null where no trace tells of tokens. */
  tokenCount: number | null;
  firstRequest: string;
  firstMs: number | null;
  lastMs: number | null;
}

/** Sessions by their last trace. */
export function sessionsOf(traces: readonly Trace[]): Session[] {
  const byId = new Map<string, Session>();
  const oldestFirst = [...traces].sort((a, b) => (a.startedMs ?? 0) - (b.startedMs ?? 0));
  for (const trace of oldestFirst) {
    const sessionId = trace.metadata.get(SESSION_KEY);
    if (!sessionId) continue;
    const before = byId.get(sessionId);
    const tokens = tokensOf(trace);
    byId.set(sessionId, {
      sessionId,
      traceCount: (before?.traceCount ?? 0) + 1,
      errorCount: (before?.errorCount ?? 0) + (trace.state === "ERROR" ? 1 : 0),
      tokenCount: tokens === null ? (before?.tokenCount ?? null) : (before?.tokenCount ?? 0) + tokens,
      firstRequest: before?.firstRequest ?? trace.requestPreview,
      firstMs: before?.firstMs ?? trace.startedMs,
      lastMs: trace.startedMs,
    });
  }
  return [...byId.values()].sort((a, b) => (b.lastMs ?? 0) - (a.lastMs ?? 0));
}
