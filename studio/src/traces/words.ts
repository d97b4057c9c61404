/** What the screens of traces say. */
import type { Assessment, TraceState } from "../api/traceTypes.ts";
import { pythonText } from "../parts/quoting.ts";

export const STATE_LOOKS: Record<TraceState, { tone: string; text: string }> = {
  OK: { tone: "good", text: "OK" },
  ERROR: { tone: "bad", text: "Error" },
  IN_PROGRESS: { tone: "live", text: "In progress" },
  STATE_UNSPECIFIED: { tone: "", text: "Unknown" },
};

const HOUR_MS = 3_600_000;

/** How far back a list may look, by the word in the address. */
export const PERIODS: Record<string, { text: string; ms: number | null }> = {
  "": { text: "Any time", ms: null },
  "1h": { text: "Last hour", ms: HOUR_MS },
  "1d": { text: "Last day", ms: 24 * HOUR_MS },
  "7d": { text: "Last 7 days", ms: 7 * 24 * HOUR_MS },
  "30d": { text: "Last 30 days", ms: 30 * 24 * HOUR_MS },
};

export const ORDER_TEXTS: Record<string, string> = {
  "timestamp_ms DESC": "Newest first",
  "timestamp_ms ASC": "Oldest first",
  "execution_time_ms DESC": "Slowest first",
};

export function firstTrace(trackingUri: string, experimentName: string, runId = ""): string {
  const call = runId
    ? [`with mlflow.start_run(run_id=${pythonText(runId)}):`, '    answer("What is a trace?")']
    : ['answer("What is a trace?")'];
  return [
    "import mlflow",
    "",
    `mlflow.set_tracking_uri(${pythonText(trackingUri)})`,
    `mlflow.set_experiment(${pythonText(experimentName)})`,
    "",
    "@mlflow.trace",
    "def answer(question):",
    "    return question.upper()",
    "",
    ...call,
  ].join("\n");
}

/** A value as people read it: text as it is, everything else as JSON. */
export function shownValue(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return "";
  return JSON.stringify(value, null, 2);
}

export function valueText(assessment: Assessment): string {
  if (assessment.error) return assessment.error;
  if (assessment.value === true) return "Yes";
  if (assessment.value === false) return "No";
  return shownValue(assessment.value) || "–";
}

/** Green for what is good and red for what is bad, where a value says which. */
export function toneOf({ value, error }: Assessment): string {
  if (error || value === false || value === "no") return "bad";
  return value === true || value === "yes" ? "good" : "";
}

const SOURCES: Record<string, string> = { HUMAN: "", LLM_JUDGE: "judge ", CODE: "code " };

/** Who or what gave an assessment. */
export const giverOf = ({ sourceType, sourceId }: Assessment) =>
  `${SOURCES[sourceType] ?? ""}${sourceId}`.trim() || "unknown";

export const VALUE_KINDS = [
  ["boolean", "Yes or no"],
  ["number", "Number"],
  ["text", "Text"],
  ["json", "JSON"],
] as const;
export type ValueKind = (typeof VALUE_KINDS)[number][0];

/** Which kind of field shows a value. */
export function kindOf(value: unknown): ValueKind {
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "number") return "number";
  return typeof value === "object" && value !== null ? "json" : "text";
}

/** The value that somebody wrote into a field. Throws where it is none of its kind. */
export function writtenValue(kind: ValueKind, text: string): unknown {
  switch (kind) {
    case "boolean":
      return text === "yes";
    case "number": {
      const number = Number(text);
      if (text.trim() === "" || !Number.isFinite(number)) throw new Error("The value is no number.");
      return number;
    }
    case "text":
      return text;
    case "json":
      try {
        return JSON.parse(text);
      } catch {
        throw new Error("The value is no JSON.");
      }
  }
}
