import { describe, expect, it } from "vitest";
import { changedHash } from "./location.ts";
import {
  computeTargetHash,
  evaluationDatasetHash,
  evaluationRunsHash,
  experimentHash,
  jobsHash,
  modelHash,
  modelVersionHash,
  placeOf,
  routeOf,
  runHash,
  scorerHash,
  sessionHash,
  sweepHash,
  sweepsHash,
  traceHash,
} from "./route.ts";

const routeAt = (hash: string) => routeOf(placeOf(hash).segments);

describe("the hash names a screen", () => {
  it("opens a comparison of evaluations at MLflow's own address", () => {
    expect(routeAt("#/experiments/7/evaluation-runs?selectedRunUuid=a")).toEqual({
      screen: "evaluationRuns",
      experimentId: "7",
    });
    expect(evaluationRunsHash("7")).toBe("#/experiments/7/evaluation-runs");
    expect(evaluationRunsHash("7", "a", "b")).toBe(
      "#/experiments/7/evaluation-runs?selectedRunUuid=a&compareToRunUuid=b",
    );
  });

  it.each(["", "#", "#/", "#/experiments", "#/experiments/"])("%j opens the experiments", (hash) => {
    expect(routeAt(hash)).toEqual({ screen: "experiments" });
  });

  it.each(["#/experiments/7", "#/experiments/7/runs", "#/experiments/7/something-else"])(
    "%s opens the experiment",
    (hash) => {
      expect(routeAt(hash)).toEqual({ screen: "experiment", experimentId: "7" });
    },
  );

  it.each([
    ["#/models", { screen: "registry", kind: "models" }],
    ["#/prompts/?search=x", { screen: "registry", kind: "prompts" }],
    ["#/models/a%2Fb%20c", { screen: "registeredModel", kind: "models", name: "a/b c" }],
    ["#/models/ridge/versions", { screen: "registeredModel", kind: "models", name: "ridge" }],
    [
      "#/models/ridge/versions/3",
      { screen: "modelVersion", kind: "models", name: "ridge", version: "3", artifactPath: "" },
    ],
    [
      "#/prompts/hi/versions/1/artifacts/x/y",
      { screen: "modelVersion", kind: "prompts", name: "hi", version: "1", artifactPath: "x/y" },
    ],
  ])("%s opens a part of the registry", (hash, route) => {
    expect(routeAt(hash)).toEqual(route);
  });

  it.each([
    ["#/data", { screen: "datastores" }],
    ["#/data/datastores", { screen: "datastores" }],
    ["#/data/datastores/scans", { screen: "datastore", name: "scans", folder: "" }],
    ["#/data/datastores/scans/a%20b/c/", { screen: "datastore", name: "scans", folder: "a b/c" }],
    ["#/data/assets", { screen: "assets" }],
    ["#/data/assets/a%2Fb", { screen: "asset", name: "a/b", version: null }],
    ["#/data/assets/people/versions/3", { screen: "asset", name: "people", version: "3" }],
    ["#/environments", { screen: "environments" }],
    ["#/environments/training/versions/2", { screen: "environment", name: "training", version: "2" }],
    ["#/jobs?status=active", { screen: "jobs" }],
    ["#/jobs/abc", { screen: "job", runId: "abc" }],
    ["#/sweeps?experiment=3", { screen: "sweeps" }],
    ["#/sweeps/abc?order=number", { screen: "sweep", runId: "abc" }],
    ["#/compute", { screen: "compute" }],
    ["#/compute/over%20night", { screen: "computeTarget", name: "over night" }],
    ["#/workspaces", { screen: "workspaces" }],
    ["#/workspaces/vision", { screen: "workspace", name: "vision" }],
    ["#/data/none", { screen: "unknown" }],
  ])("%s opens a part of the workspace", (hash, route) => {
    expect(routeAt(hash)).toEqual(route);
  });

  it("writes addresses of the registry that it reads", () => {
    const hash = modelVersionHash("models", "a/b c", "3", "x y/z");
    expect(hash).toBe("#/models/a%2Fb%20c/versions/3/artifacts/x%20y/z");
    expect(routeAt(hash)).toMatchObject({ name: "a/b c", version: "3", artifactPath: "x y/z" });
  });

  it("opens the run that MLflow's client prints a link to", () => {
    expect(routeAt("#/experiments/7/runs/abc")).toEqual({
      screen: "run",
      experimentId: "7",
      runId: "abc",
      tab: "overview",
      artifactPath: "",
    });
  });

  it.each([
    ["overview", "overview"],
    ["model-metrics", "metrics"],
    ["system-metrics", "metrics"],
    ["logs", "logs"],
    ["environment", "environment"],
    ["traces", "traces"],
    ["anything/else", "overview"],
  ])("MLflow's tail %s opens the tab %s", (tail, tab) => {
    expect(routeAt(`#/experiments/7/runs/abc/${tail}`)).toMatchObject({ screen: "run", runId: "abc", tab });
  });

  it.each([
    ["#/experiments/7/traces?x=1", { screen: "traces", experimentId: "7" }],
    [traceHash("7", "tr-1"), { screen: "trace", experimentId: "7", traceId: "tr-1" }],
    ["#/experiments/7/chat-sessions", { screen: "sessions", experimentId: "7" }],
    [sessionHash("7", "a/b"), { screen: "session", experimentId: "7", sessionId: "a/b" }],
    ["#/experiments/7/datasets", { screen: "evaluationDatasets", experimentId: "7" }],
    [evaluationDatasetHash("7", "d-1"), { screen: "evaluationDataset", experimentId: "7", datasetId: "d-1" }],
    ["#/experiments/7/judges", { screen: "scorers", experimentId: "7" }],
    [scorerHash("7", "is it true?"), { screen: "scorer", experimentId: "7", name: "is it true?" }],
  ])("%s opens a part of the experiment", (hash, route) => {
    expect(routeAt(hash)).toEqual(route);
  });

  it("keeps the path of a file, whatever its name", () => {
    const path = "models/a b/100%/ünï?.csv";
    expect(routeAt(runHash("7", "abc", "artifacts", path))).toMatchObject({
      tab: "artifacts",
      artifactPath: path,
    });
    expect(routeAt(runHash("7", "abc", "code", path))).toMatchObject({ tab: "code", artifactPath: path });
    expect(routeAt(modelHash("7", "m-1", path))).toMatchObject({
      screen: "model",
      modelId: "m-1",
      artifactPath: path,
    });
  });

  it("does not fail on a broken percent sign", () => {
    expect(routeAt("#/experiments/7/runs/abc/artifacts/100%")).toMatchObject({ artifactPath: "100%" });
  });

  it.each([
    ["#/admin", { screen: "admin", section: "" }],
    ["#/admin/people", { screen: "admin", section: "people" }],
    ["#/keys", { screen: "keys" }],
    ["#/device?code=ABCD-EFGH", { screen: "device" }],
    ["#/experiments/7/share", { screen: "share", experimentId: "7" }],
  ])("%s opens what it says", (hash, route) => {
    expect(routeAt(hash)).toEqual(route);
  });

  it("writes addresses of jobs and compute that it reads", () => {
    expect(routeAt(jobsHash({ compute: "a b" }))).toEqual({ screen: "jobs" });
    expect(placeOf(jobsHash({ compute: "a b" })).query.get("compute")).toBe("a b");
    expect(placeOf(sweepsHash({ experiment: "3" })).query.get("experiment")).toBe("3");
    expect(routeAt(sweepHash("a/b"))).toEqual({ screen: "sweep", runId: "a/b" });
    expect(routeAt(computeTargetHash("a/b"))).toEqual({ screen: "computeTarget", name: "a/b" });
  });

  it("says so when it knows no such page", () => {
    expect(routeAt("#/elsewhere/3")).toEqual({ screen: "unknown" });
  });
});

describe("the query of the hash", () => {
  it("changes one name and leaves the others", () => {
    const hash = `${experimentHash("7")}?filter=a&y=log`;
    expect(changedHash(hash, { filter: "metrics.a > 1 & b?" })).toBe(
      "#/experiments/7?filter=metrics.a+%3E+1+%26+b%3F&y=log",
    );
    expect(changedHash(hash, { filter: null, y: "" })).toBe("#/experiments/7");
  });

  it("reads back what it wrote", () => {
    const filter = "params.`a/b` = '50%' and tags.x LIKE '%#?&%'";
    expect(placeOf(changedHash("#/experiments/7", { filter })).query.get("filter")).toBe(filter);
  });
});
