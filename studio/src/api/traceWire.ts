/** MLflow's JSON of traces and spans, read into the Studio's words. */
import type {
  Assessment,
  AssessmentKind,
  PromptVersion,
  Span,
  SpanEvent,
  Trace,
  TraceState,
} from "./traceTypes.ts";
import { list, object, text } from "./wire.ts";

type Json = Record<string, unknown>;

const NAME_TAG = "mlflow.traceName";
const TOKENS_KEY = "mlflow.trace.tokenUsage";
const COST_KEY = "mlflow.trace.cost";
const PROMPTS_TAG = "mlflow.linkedPrompts";
const TYPE_ATTRIBUTE = "mlflow.spanType";
const INPUTS_ATTRIBUTE = "mlflow.spanInputs";
const OUTPUTS_ATTRIBUTE = "mlflow.spanOutputs";
const NS_PER_MS = 1e6;

const strings = (value: unknown): Map<string, string> =>
  new Map(Object.entries(object(value)).map(([key, one]) => [key, text(one)]));

function moment(value: unknown): number | null {
  const ms = Date.parse(text(value));
  return Number.isNaN(ms) ? null : ms;
}

/** `1.500s` as milliseconds. */
function lengthMs(value: unknown): number | null {
  const written = text(value);
  return written.endsWith("s") ? Math.round(Number(written.slice(0, -1)) * 1000) : null;
}

/** What a text says in JSON, or the text itself. */
export function parsed(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function expectedOf(value: Json): unknown {
  const serialized = object(value.serialized_value);
  return serialized.value === undefined ? value.value : parsed(serialized.value);
}

export function assessmentOf(value: Json): Assessment {
  const feedback = object(value.feedback);
  const source = object(value.source);
  const error = object(feedback.error);
  const kind: AssessmentKind = value.expectation ? "expectation" : value.issue ? "issue" : "feedback";
  const given = { feedback: feedback.value, expectation: expectedOf(object(value.expectation)) };
  return {
    assessmentId: text(value.assessment_id),
    kind,
    name: text(value.assessment_name),
    value: kind === "issue" ? object(value.issue).issue_name : given[kind],
    error: [error.error_code, error.error_message].map(text).filter(Boolean).join(": "),
    rationale: text(value.rationale),
    sourceType: text(source.source_type),
    sourceId: text(source.source_id),
    spanId: text(value.span_id),
    createdMs: moment(value.create_time),
    updatedMs: moment(value.last_update_time),
    overrides: text(value.overrides),
    isValid: value.valid !== false,
  };
}

export function traceOf(value: Json): Trace {
  const tags = strings(value.tags);
  return {
    traceId: text(value.trace_id),
    experimentId: text(object(object(value.trace_location).mlflow_experiment).experiment_id),
    name: tags.get(NAME_TAG) || text(value.trace_id),
    state: (text(value.state) || "STATE_UNSPECIFIED") as TraceState,
    startedMs: moment(value.request_time),
    executionMs: lengthMs(value.execution_duration),
    requestPreview: text(value.request_preview),
    responsePreview: text(value.response_preview),
    clientRequestId: text(value.client_request_id),
    metadata: strings(value.trace_metadata),
    tags,
    assessments: list<Json>(value.assessments).map(assessmentOf),
  };
}

function amountIn(trace: Trace, key: string, name: string): number | null {
  const amount = object(parsed(trace.metadata.get(key)))[name];
  return typeof amount === "number" ? amount : null;
}

export const tokensOf = (trace: Trace) => amountIn(trace, TOKENS_KEY, "total_tokens");
export const costOf = (trace: Trace) => amountIn(trace, COST_KEY, "total_cost");

/** The versions of prompts that a trace used. */
export function promptsOf(trace: Trace): PromptVersion[] {
  const found = parsed(trace.tags.get(PROMPTS_TAG));
  return list<Json>(found).map((one) => ({ name: text(one.name), version: text(one.version) }));
}

/** Past 2^53 JavaScript rounds nanoseconds to quarters of a microsecond, which no screen shows. */
const milliseconds = (value: unknown) => Number(value ?? 0) / NS_PER_MS;

const entries = (value: unknown) => new Map(Object.entries(object(value)));

function eventOf(value: Json): SpanEvent {
  return {
    name: text(value.name),
    // Clients before 3.0 wrote microseconds under another name.
    atMs:
      value.time_unix_nano === undefined
        ? Number(value.timestamp ?? 0) / 1000
        : milliseconds(value.time_unix_nano),
    attributes: entries(value.attributes),
  };
}

const statusOf = (code: unknown): Span["status"] => {
  const word = text(code).replace("STATUS_CODE_", "");
  return word === "OK" || word === "ERROR" ? word : "UNSET";
};

/** A span in either form that MLflow has written into files: that of today, and that of 2.14 to 2.22. */
export function spanOf(value: Json): Span {
  const context = object(value.context);
  const isOld = value.context !== undefined;
  const attributes = new Map([...entries(value.attributes)].map(([key, one]) => [key, parsed(one)]));
  const inputs = attributes.get(INPUTS_ATTRIBUTE);
  const outputs = attributes.get(OUTPUTS_ATTRIBUTE);
  const type = text(attributes.get(TYPE_ATTRIBUTE));
  for (const key of [INPUTS_ATTRIBUTE, OUTPUTS_ATTRIBUTE, TYPE_ATTRIBUTE]) attributes.delete(key);
  const ended = isOld ? value.end_time : value.end_time_unix_nano;
  const status = object(value.status);
  return {
    spanId: text(isOld ? context.span_id : value.span_id),
    parentId: text(isOld ? value.parent_id : value.parent_span_id),
    name: text(value.name),
    type: type === "UNKNOWN" ? "" : type,
    startedMs: milliseconds(isOld ? value.start_time : value.start_time_unix_nano),
    endedMs: ended ? milliseconds(ended) : null,
    status: statusOf(isOld ? value.status_code : status.code),
    statusMessage: text(isOld ? value.status_message : status.message),
    inputs,
    outputs,
    attributes,
    events: list<Json>(value.events).map(eventOf),
  };
}
