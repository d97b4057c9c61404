/** The calls of MLflow's third API about traces that the Studio makes. */
import { containing, quoted } from "./grammar.ts";
import type { AssessmentKind, Span, Trace } from "./traceTypes.ts";
import { spanOf, traceOf } from "./traceWire.ts";
import { getJson, remove, send, sendJson, withQuery } from "./transport.ts";
import type { Page } from "./types.ts";

const TRACES = "ajax-api/3.0/mlflow/traces";
type Json = Record<string, unknown>;

const pathOf = (traceId: string, ...rest: string[]) =>
  [TRACES, ...[traceId, ...rest].map(encodeURIComponent)].join("/");

export const SESSION_KEY = "mlflow.trace.session";
export const TRACE_STATES = ["OK", "ERROR", "IN_PROGRESS"] as const;
export const TRACE_ORDERS = ["timestamp_ms DESC", "timestamp_ms ASC", "execution_time_ms DESC"] as const;

/** What is asked for; "" where it does not matter. */
export interface TraceQuestion {
  experimentId: string;
  /** A condition, or words of a trace's name or of its spans. */
  typed: string;
  state: string;
  /** How far back; null is without limit. */
  withinMs: number | null;
  runId: string;
  sessionId: string;
  orderBy: string;
}

const LOOKS_LIKE_A_CONDITION = /[=<>!]|\b(?:I?LIKE|RLIKE|IN|IS)\b/i;

/** The filter that a question comes to, in MLflow's grammar. */
export function traceFilter(question: TraceQuestion, nowMs: number): string {
  const typed = question.typed.trim();
  const isCondition = LOOKS_LIKE_A_CONDITION.test(typed);
  const words =
    typed && !isCondition ? `${containing("name", typed)} OR ${containing("text", typed)}` : typed;
  const session = `metadata.\`${SESSION_KEY}\``;
  return [
    words && `(${words})`,
    question.state && `status = ${quoted(question.state)}`,
    question.withinMs !== null && `timestamp_ms > ${Math.round(nowMs - question.withinMs)}`,
    question.runId && `run_id = ${quoted(question.runId)}`,
    question.sessionId && `${session} = ${quoted(question.sessionId)}`,
  ]
    .filter(Boolean)
    .join(" AND ");
}

export async function searchTraces(
  question: TraceQuestion,
  limit: number,
  pageToken: string | null,
  signal?: AbortSignal,
): Promise<Page<Trace>> {
  const body = {
    locations: [{ type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: question.experimentId } }],
    filter: traceFilter(question, Date.now()),
    max_results: limit,
    order_by: [question.orderBy],
    ...(pageToken ? { page_token: pageToken } : {}),
  };
  const answer = await sendJson<{ traces?: Json[]; next_page_token?: string }>(
    "POST",
    `${TRACES}/search`,
    body,
    signal,
  );
  return { items: (answer.traces ?? []).map(traceOf), nextToken: answer.next_page_token || null };
}

/** What the traces of one session come to together. */
export interface TraceSession {
  sessionId: string;
  traceCount: number;
  errorCount: number;
  /** Null where no trace tells of tokens. */
  totalTokens: number | null;
  firstRequest: string;
  firstMs: number;
  lastMs: number;
}

interface WireTraceSession {
  session_id: string;
  trace_count: number;
  error_count: number;
  total_tokens: number | null;
  first_request: string | null;
  first_ms: number;
  last_ms: number;
}

export const traceSessionOf = (wire: WireTraceSession): TraceSession => ({
  sessionId: wire.session_id,
  traceCount: wire.trace_count,
  errorCount: wire.error_count,
  totalTokens: wire.total_tokens,
  firstRequest: wire.first_request ?? "",
  firstMs: wire.first_ms,
  lastMs: wire.last_ms,
});

/** The sessions of an experiment's traces, the one with the last trace first. */
export async function listTraceSessions(
  experimentId: string,
  limit: number,
  pageToken: string | null,
  signal?: AbortSignal,
): Promise<Page<TraceSession>> {
  const path = withQuery("api/v1/trace-sessions", {
    experiment_id: experimentId,
    max_results: String(limit),
    ...(pageToken ? { page_token: pageToken } : {}),
  });
  const answer = await getJson<{ sessions: WireTraceSession[]; next_page_token: string | null }>(
    path,
    signal,
  );
  return { items: answer.sessions.map(traceSessionOf), nextToken: answer.next_page_token };
}

export async function getTrace(traceId: string, signal?: AbortSignal): Promise<Trace> {
  const answer = await getJson<{ trace: { trace_info: Json } }>(pathOf(traceId), signal);
  return traceOf(answer.trace.trace_info);
}

/** A trace's spans, from the database or from the file that its client uploaded. */
export async function getSpans(traceId: string, signal?: AbortSignal): Promise<Span[]> {
  const path = withQuery("ajax-api/3.0/mlflow/get-trace-artifact", { request_id: traceId });
  const answer = await getJson<{ spans?: Json[] }>(path, signal);
  return (answer.spans ?? []).map(spanOf);
}

/** Delete traces of an experiment for good; answers how many there were. */
export async function deleteTraces(experimentId: string, traceIds: string[]): Promise<number> {
  const answer = await sendJson<{ traces_deleted: number }>("POST", `${TRACES}/delete-traces`, {
    experiment_id: experimentId,
    request_ids: traceIds,
  });
  return answer.traces_deleted;
}

export const setTraceTag = (traceId: string, key: string, value: string) =>
  sendJson<Json>("PATCH", pathOf(traceId, "tags"), { key, value });
export const deleteTraceTag = (traceId: string, key: string) =>
  remove(withQuery(pathOf(traceId, "tags"), { key }));

/** What somebody says of a trace, or of one of its spans. */
export interface Opinion {
  kind: Exclude<AssessmentKind, "issue">;
  name: string;
  value: unknown;
  rationale: string;
  spanId: string;
}

function written(opinion: Opinion): Json {
  const { kind, name, value, rationale, spanId } = opinion;
  const isPlain = value === null || typeof value !== "object";
  const expectation = isPlain
    ? { value }
    : { serialized_value: { serialization_format: "JSON_FORMAT", value: JSON.stringify(value) } };
  return {
    assessment_name: name,
    ...(kind === "feedback" ? { feedback: { value } } : { expectation }),
    ...(rationale ? { rationale } : {}),
    ...(spanId ? { span_id: spanId } : {}),
  };
}

/** Say something of a trace as a person; what it overrides does not count any more. */
export const assess = (traceId: string, opinion: Opinion, personId: string, overrides = "") =>
  sendJson<Json>("POST", pathOf(traceId, "assessments"), {
    assessment: {
      ...written(opinion),
      source: { source_type: "HUMAN", source_id: personId },
      ...(overrides ? { overrides } : {}),
    },
  });

export const deleteAssessment = async (traceId: string, assessmentId: string) => {
  await send(pathOf(traceId, "assessments", assessmentId), { method: "DELETE" });
};
