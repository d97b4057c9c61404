/** What people read of sweeps, and the lines that submit one. Pure. */
import type { Distribution, Stopping, Sweep, Trial, TrialStatus } from "../api/sweeps.ts";
import { STATUS_LOOKS } from "../jobs/words.ts";
import { number, plural } from "../parts/format.ts";
import { type Address, openInPython, openInShell } from "../parts/opening.ts";

interface Look {
  tone: string;
  text: string;
}

export const SWEEP_LOOKS: Record<Sweep["status"], Look> = {
  running: { tone: "live", text: "Running" },
  completed: { tone: "good", text: "Completed" },
  failed: { tone: "bad", text: "Failed" },
  canceled: { tone: "warn", text: "Canceled" },
};

export const TRIAL_LOOKS: Record<TrialStatus, Look> = {
  ...STATUS_LOOKS,
  stopped: { tone: "warn", text: "Stopped early" },
};

export const isSweepOver = ({ status }: Pick<Sweep, "status">) => status !== "running";

const OVER: readonly TrialStatus[] = ["completed", "failed", "canceled", "stopped"];
export const isTrialOver = ({ status }: Pick<Trial, "status">) => OVER.includes(status);

/** One that begins no more trials goes on until those there are have ended. */
export const lookOf = (sweep: Pick<Sweep, "status" | "is_closed">): Look =>
  sweep.is_closed && !isSweepOver(sweep) ? { tone: "warn", text: "Ending" } : SWEEP_LOOKS[sweep.status];

/** How many trials are over, of as many as there may be. */
export function progressOf({ trials, max_trials: most }: Pick<Sweep, "trials" | "max_trials">): string {
  const all = Object.values(trials).reduce((sum, count) => sum + count, 0);
  return `${all - (trials.open ?? 0)} of ${most}`;
}

const TRIAL_WORDS: readonly (readonly [status: string, word: string])[] = [
  ["open", "open"],
  ["completed", "completed"],
  ["stopped", "stopped early"],
  ["failed", "failed"],
  ["canceled", "canceled"],
];

/** How many trials there are of each status, in words. */
export const countsText = (trials: Sweep["trials"]) =>
  TRIAL_WORDS.filter(([status]) => trials[status])
    .map(([status, word]) => `${trials[status]} ${word}`)
    .join(", ") || "none yet";

const LONGEST_CHOICE = 6;

/** Where the values of a parameter come from, in a line. */
export function distributionText(from: Distribution): string {
  if (from.kind === "choice") {
    const shown = from.values.slice(0, LONGEST_CHOICE).map(String).join(", ");
    const more = from.values.length - LONGEST_CHOICE;
    return `one of ${shown}${more > 0 ? ` and ${more} more` : ""}`;
  }
  const place =
    from.kind === "normal"
      ? `around ${number(from.mean)} ± ${number(from.deviation)}`
      : `${number(from.low)} to ${number(from.high)}`;
  const whole = from.kind === "integer" ? ", whole numbers" : "";
  const step = from.step ? `, by ${number(from.step)}` : "";
  return `${place}${whole}${step}${from.is_log ? ", by its logarithm" : ""}`;
}

/** When trials are ended early, in a sentence. */
export function stoppingText(rule: Stopping | null): string {
  if (rule === null) return "never";
  const slack = rule.slack_factor
    ? `more than ${number(rule.slack_factor * 100)} % worse`
    : `worse by more than ${number(rule.slack_amount)}`;
  const which = {
    bandit: `those ${slack} than the best`,
    median: "those worse than the median of the averages",
    truncation: `the worst ${number(rule.percentage)} %`,
  }[rule.kind];
  const delay = rule.delay > 0 ? `, not before ${plural(rule.delay, "point")}` : "";
  return `${which}, looked at every ${plural(rule.every, "point")}${delay}`;
}

export const SAMPLINGS: Record<Sweep["sampling"], string> = {
  grid: "every combination",
  random: "at random",
  bayesian: "by what trials have shown (Optuna)",
};

export function sweepInShell(address: Address): string {
  return `runyard sweep submit ${openInShell(address)} sweep.toml`;
}

export function sweepInPython(address: Address): string {
  return [
    "from runyard import Experiment, ScriptRunConfig, SweepConfig, Workspace",
    "",
    openInPython(address),
    'script = ScriptRunConfig(".", "train.py")',
    'sweep = SweepConfig(script, {"lr": [0.1, 0.01]}, metric="loss", sampling="grid")',
    'run = Experiment(ws, "trials").submit(sweep)',
  ].join("\n");
}
