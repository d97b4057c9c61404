/** The trials of a sweep: fetched, put in order, and as points of a chart. Pure but for the fetching. */

import type { Distribution, Sweep, Trial, TrialsPage } from "../api/sweeps.ts";
import type { Dimension } from "../charts/parallel.ts";
import { isSweepOver, isTrialOver } from "./words.ts";

type Fetch = (pageToken: string | null) => Promise<TrialsPage>;

/**
 * Fetch all trials, page by page. A page of `before` that was full and whose trials were all over never
 * changes and is not asked for again: of a sweep with thousands of trials the last page or two are fetched.
 */
export async function allTrials(before: TrialsPage[], fetch: Fetch): Promise<TrialsPage[]> {
  const pages: TrialsPage[] = [];
  for (let token: string | null = null; ; ) {
    const kept = before[pages.length];
    const isDone = kept !== undefined && kept.next_page_token !== null && kept.trials.every(isTrialOver);
    const page: TrialsPage = isDone ? kept : await fetch(token);
    pages.push(page);
    if (page.next_page_token === null) return pages;
    token = page.next_page_token;
  }
}

/** Whether more comes of the trials than these pages have: trials begin and end between two answers. */
export function hasMore(pages: TrialsPage[] | undefined, sweep: Sweep | undefined): boolean {
  if (!pages || !sweep || !isSweepOver(sweep)) return true;
  const trials = pages.flatMap((page) => page.trials);
  const count = Object.values(sweep.trials).reduce((sum, one) => sum + one, 0);
  return trials.length < count || !trials.every(isTrialOver);
}

/** What the table of trials can be ordered by, beside the name of a parameter behind `parameter:`. */
export type Order = "number" | "value" | "status" | "duration" | "reason" | `parameter:${string}`;

const PARAMETER = "parameter:";
export const orderOf = (name: string): Order => `${PARAMETER}${name}`;

/** How long a trial has run. */
export const lengthOf = ({ started_ms: from, ended_ms: to }: Trial, nowMs: number) =>
  from === null ? null : (to ?? nowMs) - from;

function keyOf(trial: Trial, order: Order, nowMs: number): string | number | boolean | null {
  if (order === "duration") return lengthOf(trial, nowMs);
  if (order === "reason") return trial.reason || null;
  if (order.startsWith(PARAMETER)) return trial.parameters[order.slice(PARAMETER.length)] ?? null;
  return trial[order as "number" | "value" | "status"];
}

/** Trials in an order; those without the value stand last both ways, and equal ones by their number. */
export function ordered(trials: Trial[], order: Order, isDescending: boolean, nowMs = 0): Trial[] {
  const sign = isDescending ? -1 : 1;
  const keyed = trials.map((trial) => ({ trial, key: keyOf(trial, order, nowMs) }));
  keyed.sort((one, other) => {
    if (one.key === null || other.key === null) {
      return Number(one.key === null) - Number(other.key === null) || one.trial.number - other.trial.number;
    }
    return sign * compared(one.key, other.key) || one.trial.number - other.trial.number;
  });
  return keyed.map(({ trial }) => trial);
}

function compared(one: string | number | boolean, other: string | number | boolean): number {
  if (typeof one === "string" || typeof other === "string") {
    return String(one).localeCompare(String(other), undefined, { numeric: true });
  }
  return Number(one) - Number(other);
}

/** Those that a chart can show: they have a value, by number. */
export const measured = (trials: Trial[]) =>
  trials.filter(
    (trial): trial is Trial & { value: number } => trial.value !== null && trial.status !== "failed",
  );

/** The best value so far, at each of some values in their order. */
export function bestSoFar(values: number[], goal: Sweep["goal"]): number[] {
  const better = goal === "minimize" ? Math.min : Math.max;
  let best = goal === "minimize" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  return values.map((value) => {
    best = better(best, value);
    return best;
  });
}

/** Where values stand along an axis: numbers as they are, anything else one beside the other by name. */
export interface Scale {
  /** The names along the axis; null for numbers. */
  names: string[] | null;
  isLog: boolean;
  at: (value: Trial["parameters"][string] | undefined) => number | null;
}

export function scaleOf(from: Distribution, values: (Trial["parameters"][string] | undefined)[]): Scale {
  const isNumeric = [...from.values, ...values].every((one) => one === undefined || typeof one === "number");
  if (isNumeric) {
    const isLog = from.is_log && values.every((one) => one === undefined || Number(one) > 0);
    return { names: null, isLog, at: (value) => (typeof value === "number" ? value : null) };
  }
  const names = [...new Set([...from.values, ...values].filter((one) => one !== undefined).map(String))];
  const places = new Map(names.map((name, place) => [name, place]));
  return { names, isLog: false, at: (value) => places.get(String(value)) ?? null };
}

/** What trials are drawn over: each parameter, and the metric last. */
export const trialDimensions = (
  sweep: Pick<Sweep, "parameters" | "metric">,
  trials: Trial[],
): Dimension[] => [
  ...Object.entries(sweep.parameters).map(([name, { is_log: isLog }]) => ({
    key: `parameter.${name}`,
    label: name,
    isLog,
    cells: trials.map(({ parameters }) => parameters[name] ?? null),
  })),
  { key: "metric", label: sweep.metric, cells: trials.map(({ value }) => value) },
];
