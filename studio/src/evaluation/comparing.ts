/** The traces of two evaluations side by side: the same request in one and in the other. Pure. */
import type { Assessment, Trace } from "../api/traceTypes.ts";
import { valueText } from "../traces/words.ts";

/** A request, and what each of the two made of it; null where one was not asked it. */
export interface ComparedRow {
  request: string;
  left: Trace | null;
  right: Trace | null;
  /** Names of what was thought of either, in order, and whether the two differ in it. */
  opinions: Opinion[];
  isAnswerDifferent: boolean;
}

export interface Opinion {
  name: string;
  left: Assessment | null;
  right: Assessment | null;
  isDifferent: boolean;
}

/** What counts of a trace, by name: expectations aside, and the latest of one name. */
function opinionsOf(trace: Trace | null): Map<string, Assessment> {
  const found = new Map<string, Assessment>();
  for (const one of trace?.assessments ?? []) {
    if (!one.isValid || one.kind !== "feedback") continue;
    const before = found.get(one.name);
    if (!before || (one.createdMs ?? 0) >= (before.createdMs ?? 0)) found.set(one.name, one);
  }
  return found;
}

const textOf = (one: Assessment | null) => (one === null ? null : valueText(one));

function rowOf(request: string, left: Trace | null, right: Trace | null): ComparedRow {
  const [before, after] = [opinionsOf(left), opinionsOf(right)];
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  const opinions = names.map((name): Opinion => {
    const [one, other] = [before.get(name) ?? null, after.get(name) ?? null];
    const isDifferent = left !== null && right !== null && textOf(one) !== textOf(other);
    return { name, left: one, right: other, isDifferent };
  });
  const isAnswerDifferent =
    left !== null &&
    right !== null &&
    (left.responsePreview !== right.responsePreview || left.state !== right.state);
  return { request, left, right, opinions, isAnswerDifferent };
}

/** Traces by their requests, the oldest first: who asks twice is answered twice. */
function byRequest(traces: Trace[]): Map<string, Trace[]> {
  const found = new Map<string, Trace[]>();
  const inOrder = [...traces].sort((one, other) => (one.startedMs ?? 0) - (other.startedMs ?? 0));
  for (const trace of inOrder) {
    found.set(trace.requestPreview, [...(found.get(trace.requestPreview) ?? []), trace]);
  }
  return found;
}

/** All requests of both, those of the left one first. */
export function comparedRows(left: Trace[], right: Trace[]): ComparedRow[] {
  const [before, after] = [byRequest(left), byRequest(right)];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((request) => {
    const [ones, others] = [before.get(request) ?? [], after.get(request) ?? []];
    const count = Math.max(ones.length, others.length);
    return Array.from({ length: count }, (_, at) => rowOf(request, ones[at] ?? null, others[at] ?? null));
  });
}

/** Whether people would look at a row first: the two differ in it, or one of them is missing. */
export const isDifferent = ({ left, right, opinions, isAnswerDifferent }: ComparedRow) =>
  left === null || right === null || isAnswerDifferent || opinions.some((one) => one.isDifferent);

export interface Summary {
  name: string;
  left: Sum;
  right: Sum;
}

/** What one evaluation comes to in one assessment. */
export interface Sum {
  count: number;
  /** The mean of numbers, or the share of yes; null where there are neither. */
  mean: number | null;
  isShare: boolean;
}

const YES: readonly unknown[] = [true, "yes"];
const NO: readonly unknown[] = [false, "no"];

function sumOf(assessments: (Assessment | null)[]): Sum {
  const values = assessments.filter((one) => one !== null && !one.error).map((one) => one?.value);
  const isShare = values.length > 0 && values.every((value) => YES.includes(value) || NO.includes(value));
  const numbers = values.map((value) => (isShare ? Number(YES.includes(value)) : value));
  const isNumeric = numbers.every((value): value is number => typeof value === "number");
  const sum = isNumeric ? numbers.reduce((total, value) => total + value, 0) : null;
  return {
    count: values.length,
    mean: sum === null || values.length === 0 ? null : sum / values.length,
    isShare,
  };
}

/** What both come to, by the name of the assessment. */
export function summaries(rows: ComparedRow[]): Summary[] {
  const all = rows.flatMap(({ opinions }) => opinions);
  return [...new Set(all.map(({ name }) => name))].sort().map((name) => {
    const named = all.filter((one) => one.name === name);
    return {
      name,
      left: sumOf(named.map(({ left }) => left)),
      right: sumOf(named.map(({ right }) => right)),
    };
  });
}
