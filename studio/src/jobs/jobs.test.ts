import { describe, expect, it } from "vitest";
import { codeEntries, type Job, type JobStatus } from "../api/jobs.ts";
import { shareTaken, targetInShell } from "../compute/words.ts";
import {
  dataOf,
  isOver,
  lineOf,
  STATUS_CHOICES,
  stepsOf,
  submitInPython,
  submitInShell,
  whyOf,
} from "./words.ts";

const ADDRESS = { server: "http://127.0.0.1:5000", workspace: "a b" };

function jobOf(change: Partial<Job> = {}): Job {
  return {
    run_id: "a",
    run_name: "first",
    experiment_id: "0",
    compute: "local",
    status: "queued",
    attempt: 0,
    max_attempts: 1,
    priority: 0,
    slots: 1,
    snapshot: "c",
    script: "src/train.py",
    arguments: ["--alpha", "a 'b'", ""],
    command: [],
    environment_name: "",
    environment_version: 0,
    variables: {},
    max_duration_s: 0,
    is_azureml: false,
    inputs: {},
    outputs: {},
    submitted_ms: 1,
    submitted_by: "ann",
    started_ms: null,
    ended_ms: null,
    is_cancel_requested: false,
    exit_code: null,
    reason: "",
    host: "",
    position: null,
    waits_for: "",
    ...change,
  };
}

describe("a job", () => {
  it("is one line, as a shell takes it", () => {
    expect(lineOf(jobOf())).toBe(`src/train.py --alpha 'a '"'"'b'"'"'' ''`);
    expect(lineOf(jobOf({ script: "", command: ["echo", "$HOME"] }))).toBe("echo '$HOME'");
  });

  it("has data that comes and goes", () => {
    const raw = { places: [{ datastore: "store", path: "raw" }], asset_id: "" };
    const job = jobOf({
      inputs: { raw, told: { places: [], asset_id: "x" } },
      outputs: { made: { datastore: "store", path: "made/{run_id}", overwrite: true } },
    });
    expect(dataOf(job)).toEqual([
      { way: "in", name: "raw", places: raw.places },
      { way: "in", name: "told", places: [] },
      { way: "out", name: "made", places: [{ datastore: "store", path: "made/a" }] },
    ]);
    expect(dataOf(jobOf())).toEqual([]);
  });

  it("says where it stands, or why it ended so", () => {
    expect(whyOf(jobOf({ position: 2, waits_for: "1 job is before it" }))).toBe(
      "Number 2 in the queue: 1 job is before it",
    );
    expect(whyOf(jobOf({ position: 1, reason: "attempt 1 of 2 failed" }))).toBe(
      "Number 1 in the queue, begins in a moment",
    );
    expect(whyOf(jobOf({ status: "failed", reason: "exit code 3" }))).toBe("exit code 3");
    expect(whyOf(jobOf({ status: "completed" }))).toBe("");
  });

  it.each<[JobStatus, Partial<Job>, string]>([
    ["queued", {}, "now next next next"],
    ["starting", { attempt: 1 }, "done now next next"],
    ["preparing", { attempt: 1 }, "done now next next"],
    ["running", { attempt: 1, started_ms: 2 }, "done done now next"],
    ["lost", { attempt: 1, started_ms: 2 }, "done done now next"],
    ["lost", { attempt: 1 }, "done now next next"],
    ["completed", { attempt: 1, started_ms: 2, ended_ms: 3 }, "done done done done"],
    ["failed", { attempt: 1, ended_ms: 3 }, "done done left out done"],
    ["canceled", { ended_ms: 3 }, "done left out left out done"],
  ])("that is %s has come so far", (status, change, states) => {
    const steps = stepsOf(jobOf({ status, ...change }));
    expect(steps.map(({ state }) => state).join(" ")).toBe(states);
    expect(steps.at(-1)?.name).toBe(
      isOver({ status }) ? status[0]?.toUpperCase() + status.slice(1) : "Ended",
    );
  });

  it("can be in any state that the filter offers", () => {
    expect(STATUS_CHOICES.map(([word]) => word)).toEqual([
      "",
      "active",
      "queued",
      "starting",
      "preparing",
      "running",
      "lost",
      "completed",
      "failed",
      "canceled",
    ]);
  });

  it("is submitted by lines for this workspace", () => {
    expect(submitInShell(ADDRESS)).toBe(
      "runyard job submit --url http://127.0.0.1:5000 -w 'a b' \\\n  --experiment trials --stream train.py",
    );
    expect(submitInShell(ADDRESS, "long")).toContain("--compute long --stream");
    expect(submitInPython(ADDRESS)).toContain('Workspace.get("a b", url="http://127.0.0.1:5000")');
    expect(submitInPython(ADDRESS, "long")).toContain('compute_target="long"');
  });
});

describe("the code of a job", () => {
  const files = ["b.py", "src/a.py", "src/deep/x.py", "a b.py"].map((path, at) => ({
    path,
    size_bytes: at,
    is_executable: false,
  }));

  it("is looked at folder by folder", () => {
    expect(codeEntries(files, "")).toEqual([
      { path: "src", isFolder: true, byteCount: null },
      { path: "a b.py", isFolder: false, byteCount: 3 },
      { path: "b.py", isFolder: false, byteCount: 0 },
    ]);
    expect(codeEntries(files, "src").map(({ path }) => path)).toEqual(["src/deep", "src/a.py"]);
    expect(codeEntries(files, "sr")).toEqual([]);
  });
});

describe("a compute target", () => {
  const target = {
    name: "long",
    kind: "local",
    slots: 2,
    slots_taken: 1,
    jobs_waiting: 0,
    is_paused: false,
    is_built_in: false,
    description: "",
    tags: {},
    created_ms: 0,
    created_by: "",
  };

  it("says how full it is", () => {
    expect([shareTaken(target), shareTaken({ ...target, slots_taken: 5 })]).toEqual([0.5, 1]);
  });

  it("is named in lines for a shell", () => {
    expect(targetInShell(ADDRESS, "long")).toContain("--compute long train.py");
  });
});
