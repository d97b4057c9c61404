import { describe, expect, it } from "vitest";
import { linesOf } from "./lines.ts";

describe("the lines of a workspace", () => {
  const lines = new Map(linesOf("https://lab.example", "vision").map(({ title, code }) => [title, code]));

  it("name it as each client does", () => {
    expect(lines.get("MLflow")).toContain('set_tracking_uri("https://lab.example/workspaces/vision")');
    expect(lines.get("Python SDK")).toContain('Workspace.get("vision", url="https://lab.example")');
    expect(lines.get("Azure's clients, in such a folder")).toBe(
      'eval "$(runyard azureml env --url https://lab.example -w vision --shell)"',
    );
  });
});
