/** What people read of jobs, and the lines that submit one. Pure. */
import { type DataPlace, JOB_STATUSES, type Job, type JobStatus } from "../api/jobs.ts";
import { type Address, openInPython, openInShell } from "../parts/opening.ts";
import { shellWord } from "../parts/quoting.ts";

export const STATUS_LOOKS: Record<JobStatus, { tone: string; text: string }> = {
  queued: { tone: "warn", text: "Queued" },
  starting: { tone: "live", text: "Starting" },
  preparing: { tone: "live", text: "Preparing" },
  running: { tone: "live", text: "Running" },
  lost: { tone: "bad", text: "Not responding" },
  completed: { tone: "good", text: "Completed" },
  failed: { tone: "bad", text: "Failed" },
  canceled: { tone: "warn", text: "Canceled" },
};

const OVER: readonly string[] = ["completed", "failed", "canceled"];
export const isOver = (job: Pick<Job, "status">) => OVER.includes(job.status);

/** What the list can be filtered by: the words of the API, and what they are called. */
export const STATUS_CHOICES: readonly (readonly [word: string, text: string])[] = [
  ["", "All states"],
  ["active", "Not over"],
  ...JOB_STATUSES.map((status) => [status, STATUS_LOOKS[status].text] as const),
];

type Program = Pick<Job, "script" | "arguments" | "command">;

/** What the process is started with, word by word. */
export const wordsOf = (job: Program) => (job.script ? [job.script, ...job.arguments] : job.command);

/** The same as one line, as a shell would take it. */
export const lineOf = (job: Program) => wordsOf(job).map(shellWord).join(" ");

/** Where it stands in the queue and what it waits for, or why it ended so. */
/** What comes to a job and goes from it: `in` or `out`, its name, and where that lies. */
export function dataOf(job: Job): { way: "in" | "out"; name: string; places: DataPlace[] }[] {
  const inputs = Object.entries(job.inputs).map(([name, { places }]) => ({
    way: "in" as const,
    name,
    places,
  }));
  const outputs = Object.entries(job.outputs).map(([name, { datastore, path }]) => ({
    way: "out" as const,
    name,
    places: [{ datastore, path: path.replaceAll("{run_id}", job.run_id) }],
  }));
  return [...inputs, ...outputs];
}

export function whyOf(job: Job): string {
  if (job.position === null) return job.reason;
  const place = `Number ${job.position} in the queue`;
  return job.waits_for ? `${place}: ${job.waits_for}` : `${place}, begins in a moment`;
}

export interface Step {
  name: string;
  state: "done" | "now" | "next" | "left out";
  atMs: number | null;
}

/** The life of a job from left to right. */
export function stepsOf(job: Job): Step[] {
  const order: readonly JobStatus[] = ["queued", "preparing", "running"];
  const hasBegun = job.started_ms !== null;
  const at =
    job.status === "starting" ? 1 : job.status === "lost" ? (hasBegun ? 2 : 1) : order.indexOf(job.status);
  const over = isOver(job);
  // Of one that is over it is known whether the script was started, and whether anything was.
  const reached = over ? (hasBegun ? 2 : job.attempt > 0 ? 1 : 0) : at;
  const stateOf = (step: number): Step["state"] => {
    if (step < reached || (over && step === reached)) return "done";
    if (step === reached) return "now";
    return over ? "left out" : "next";
  };
  return [
    { name: "Queued", state: stateOf(0), atMs: job.submitted_ms },
    { name: "Preparing", state: stateOf(1), atMs: null },
    { name: "Running", state: stateOf(2), atMs: job.started_ms },
    {
      name: over ? STATUS_LOOKS[job.status].text : "Ended",
      state: over ? "done" : "next",
      atMs: job.ended_ms,
    },
  ];
}

export function submitInShell(address: Address, compute = ""): string {
  const target = compute && compute !== "local" ? `--compute ${shellWord(compute)} ` : "";
  return `runyard job submit ${openInShell(address)} \\\n  --experiment trials ${target}--stream train.py`;
}

export function submitInPython(address: Address, compute = ""): string {
  const target = compute && compute !== "local" ? `, compute_target=${JSON.stringify(compute)}` : "";
  return [
    "from runyard import Experiment, ScriptRunConfig, Workspace",
    "",
    openInPython(address),
    `src = ScriptRunConfig(source_directory=".", script="train.py"${target})`,
    'run = Experiment(ws, "trials").submit(src)',
    "run.wait_for_completion(show_output=True)",
  ].join("\n");
}
