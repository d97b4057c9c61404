import { afterEach, describe, expect, it, vi } from "vitest";
import { mayIn } from "../api/caller.ts";
import type { Caller } from "../api/identity.ts";
import { folderOfRun, logMetric, removePart, uploadArtifact } from "../api/logging.ts";
import { metricValue, nextStep } from "./metricValue.ts";

afterEach(() => vi.unstubAllGlobals());

/** Answer what a call sends. */
async function sentBy(call: () => Promise<unknown>): Promise<{ path: string; body: unknown }> {
  vi.stubGlobal("window", { location: { pathname: "/workspaces/vision/", hash: "" } });
  vi.stubGlobal("document", { location: { pathname: "/workspaces/vision/" } });
  vi.stubGlobal("location", { pathname: "/workspaces/vision/" });
  const answer = vi.fn(async (..._: [string, RequestInit]) => new Response("{}"));
  vi.stubGlobal("fetch", answer);
  await call();
  const [path, init] = answer.mock.calls[0] ?? ["", {}];
  return { path, body: JSON.parse(String(init.body)) };
}

describe("a metric's value", () => {
  it("is a number in any of the ways that people write one", () => {
    expect(["0.5", " -1e-3 ", "7", "+2"].map(metricValue)).toEqual([0.5, -0.001, 7, 2]);
  });

  it("may be none, or without end", () => {
    expect(["NaN", "inf", "-inf", "Infinity", "-Infinity"].map(metricValue)).toEqual([
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ]);
  });

  it("is refused when it is no number", () => {
    for (const text of ["", "high", "1,5", "1 2"]) expect(() => metricValue(text)).toThrow(/number/);
  });

  it("comes one step behind the last", () => {
    expect([nextStep(undefined), nextStep(0), nextStep(41)]).toEqual([0, 1, 42]);
  });
});

describe("what is sent of a run", () => {
  it("names the values that JSON has no number for", async () => {
    const { path, body } = await sentBy(() => logMetric("r1", "loss", Number.NEGATIVE_INFINITY, 3));
    expect(path).toMatch(/mlflow\/runs\/log-metric$/);
    expect(body).toMatchObject({ run_id: "r1", key: "loss", value: "-Infinity", step: 3 });
  });

  it("names the part that is to go by its kind", async () => {
    const { path, body } = await sentBy(() => removePart("r1", "artifact", "plots/a b.png"));
    expect(path).toMatch(/api\/v1\/runs\/remove-parts$/);
    expect(body).toEqual({ run_ids: ["r1"], artifact_paths: ["plots/a b.png"] });
  });
});

describe("the files of a run", () => {
  it("lie below the workspace where the server keeps them, and nowhere else", () => {
    expect(folderOfRun("mlflow-artifacts:/7/abc/artifacts")).toBe("7/abc/artifacts");
    expect(folderOfRun("mlflow-artifacts:///7/abc/artifacts/")).toBe("7/abc/artifacts");
    expect(folderOfRun("s3://bucket/7/abc")).toBeNull();
    expect(folderOfRun("file:///srv/mlruns")).toBeNull();
  });

  it("go to their paths name by name", async () => {
    const opened: string[] = [];
    class Request {
      upload = {};
      onload = () => {};
      status = 200;
      open = (_: string, address: string) => opened.push(address);
      setRequestHeader = () => {};
      send = () => this.onload();
    }
    vi.stubGlobal("window", { location: { pathname: "/" } });
    vi.stubGlobal("location", { pathname: "/" });
    vi.stubGlobal("XMLHttpRequest", Request);
    const { signal } = new AbortController();
    await uploadArtifact("7/abc/artifacts", "a b/50%.csv", {
      file: {} as File,
      signal,
      onProgress: () => {},
    });
    expect(opened).toEqual(["/api/2.0/mlflow-artifacts/artifacts/7/abc/artifacts/a%20b/50%25.csv"]);
  });
});

describe("who may log by hand", () => {
  const caller = (permission: Caller["permission"], role?: string) =>
    ({ permission, experiment_roles: role ? { vision: { "7": role } } : {} }) as Caller;

  it("has the right in the workspace or in the experiment alone", () => {
    vi.stubGlobal("window", { location: { pathname: "/workspaces/vision/" } });
    vi.stubGlobal("location", { pathname: "/workspaces/vision/" });
    expect(mayIn(caller("CONTRIBUTE"), "CONTRIBUTE", "7")).toBe(true);
    expect(mayIn(caller("READ"), "CONTRIBUTE", "7")).toBe(false);
    expect(mayIn(caller("READ", "contributor"), "CONTRIBUTE", "7")).toBe(true);
    expect(mayIn(caller("READ", "contributor"), "MANAGE", "7")).toBe(false);
    expect(mayIn(caller("READ", "owner"), "MANAGE", "7")).toBe(true);
    expect(mayIn(caller("READ", "owner"), "MANAGE", "8")).toBe(false);
    expect(mayIn(null, "READ", "7")).toBe(false);
  });
});
