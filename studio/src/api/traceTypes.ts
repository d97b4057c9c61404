/** The Studio's own words for traces, their spans, and what is thought of them. */

export type TraceState = "OK" | "ERROR" | "IN_PROGRESS" | "STATE_UNSPECIFIED";
export type AssessmentKind = "feedback" | "expectation" | "issue";

export interface Assessment {
  assessmentId: string;
  kind: AssessmentKind;
  name: string;
  value: unknown;
  /** Why there is no value, if it could not be given. */
  error: string;
  rationale: string;
  sourceType: string;
  sourceId: string;
  spanId: string;
  createdMs: number | null;
  updatedMs: number | null;
  /** The assessment that this one stands for, or "". */
  overrides: string;
  isValid: boolean;
}

export interface Trace {
  traceId: string;
  experimentId: string;
  name: string;
  state: TraceState;
  startedMs: number | null;
  /** Null while it goes on. */
  executionMs: number | null;
  requestPreview: string;
  responsePreview: string;
  clientRequestId: string;
  metadata: Map<string, string>;
  tags: Map<string, string>;
  assessments: Assessment[];
}

export interface SpanEvent {
  name: string;
  atMs: number;
  attributes: Map<string, unknown>;
}

/** Times are milliseconds since the epoch, with a fraction. */
export interface Span {
  spanId: string;
  parentId: string;
  name: string;
  type: string;
  startedMs: number;
  endedMs: number | null;
  status: "OK" | "ERROR" | "UNSET";
  statusMessage: string;
  inputs: unknown;
  outputs: unknown;
  /** The others, by name. */
  attributes: Map<string, unknown>;
  events: SpanEvent[];
}

export interface PromptVersion {
  name: string;
  version: string;
}
