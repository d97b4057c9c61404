import { describe, expect, it } from "vitest";
import { isOnTheWay, mlflowAddressOf } from "./mlflow.ts";

describe("the way to MLflow's own pages", () => {
  it.each([
    ["/", "", "/mlflow/"],
    ["/", "#/experiments", "/mlflow/"],
    ["/", "#/admin/trash", "/mlflow/"],
    ["/workspaces/vision/", "#/experiments/7", "/workspaces/vision/mlflow/#/experiments/7"],
    ["/below/", "#/experiments/7/runs/abc", "/below/mlflow/#/experiments/7/runs/abc"],
  ])("%s%s", (prefix, hash, address) => {
    expect(mlflowAddressOf(prefix, hash)).toBe(address);
  });

  it("is gone back for those alone whom MLflow's page has sent", () => {
    expect(isOnTheWay("?to=mlflow")).toBe(true);
    expect(isOnTheWay("")).toBe(false);
    expect(isOnTheWay("?to=https://elsewhere.example")).toBe(false);
  });
});
