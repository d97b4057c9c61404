import { expect, it } from "vitest";
import { Boundary } from "./Boundary.tsx";

it("forgets the fault of a tab when another one is gone to, and not while it is looked at", () => {
  const failed = { address: "runs/r/artifacts", ...Boundary.getDerivedStateFromError("broken") };
  const at = (address: string) => Boundary.getDerivedStateFromProps({ address, children: null }, failed);
  expect(at("runs/r/artifacts")).toBeNull();
  expect(at("runs/r/overview")).toEqual({ address: "runs/r/overview", error: null });
});
