import { describe, expect, it } from "vitest";
import { prefixOf, serverRootOf, workspaceOf } from "./address.ts";
import { linesOf } from "./columns.ts";
import { filterOf, quoted, quotedKey } from "./grammar.ts";
import { registryFilter } from "./registry.ts";
import { failureOf, Refused, Unreachable } from "./transport.ts";
import { loggedModelOf, registeredModelOf, runOf } from "./wire.ts";

const AZURE =
  "/mlflow/v2.0/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/runyard/providers/Microsoft.MachineLearningServices/workspaces/vision/";

describe("addresses come from where the page stands", () => {
  it.each([
    ["/", "/", "/", null],
    ["/index.html", "/", "/", null],
    ["/workspaces/vision/", "/workspaces/vision/", "/", "vision"],
    ["/workspaces/vision/index.html", "/workspaces/vision/", "/", "vision"],
    [AZURE, AZURE, "/", "vision"],
    ["/proxied/below/workspaces/a-1/", "/proxied/below/workspaces/a-1/", "/proxied/below/", "a-1"],
  ])("%s", (pathname, prefix, root, workspace) => {
    expect(prefixOf(pathname)).toBe(prefix);
    expect(serverRootOf(pathname)).toBe(root);
    expect(workspaceOf(pathname)).toBe(workspace);
  });
});

describe("the search grammar", () => {
  it("quotes what a plain word is not", () => {
    expect(quotedKey("loss")).toBe("loss");
    expect(quotedKey("val/loss")).toBe("`val/loss`");
    expect(quotedKey("a`b")).toBe('"a`b"');
    expect(quoted("it's")).toBe('"it\'s"');
  });

  it("takes plain words as a part of the name and leaves conditions alone", () => {
    expect(filterOf("")).toBe("");
    expect(filterOf(" swift owl ")).toBe("attributes.run_name ILIKE '%swift owl%'");
    expect(filterOf("metrics.loss<0.2")).toBe("metrics.loss<0.2");
    expect(filterOf("tags.a IS NULL")).toBe("tags.a IS NULL");
    expect(filterOf("params.m like 'x%'")).toBe("params.m like 'x%'");
  });
});

describe("the registry", () => {
  it("searches models, or prompts by their tag, by a part of the name", () => {
    expect(registryFilter("models", "")).toBe("");
    expect(registryFilter("models", "it's")).toBe('name ILIKE "%it\'s%"');
    expect(registryFilter("prompts", "hi")).toBe(
      "tags.`mlflow.prompt.is_prompt` = 'true' AND name ILIKE '%hi%'",
    );
  });

  it("takes the newest version of all stages, and knows models without any", () => {
    const model = registeredModelOf({
      name: "ridge",
      latest_versions: [{ version: "9" }, { version: "10" }],
      aliases: [{ alias: "champion", version: "9" }],
    });
    expect(model.latestVersion).toBe("10");
    expect(model.aliases.get("champion")).toBe("9");
    expect(registeredModelOf({ name: "empty" }).latestVersion).toBeNull();
  });
});

describe("MLflow's JSON", () => {
  it("reads a run with 64-bit numbers as text, missing lists and numbers that are none", () => {
    const run = runOf({
      info: { run_id: "r1", experiment_id: "7", start_time: "1700000000000", status: "RUNNING" },
      data: {
        metrics: [
          { key: "loss", value: "NaN", step: "3", timestamp: "5" },
          { key: "max", value: "-Infinity" },
        ],
        params: [{ key: "__proto__", value: "safe" }, { key: "empty" }],
      },
    });
    expect(run.startedMs).toBe(1700000000000);
    expect(run.endedMs).toBeNull();
    expect(run.name).toBe("r1");
    expect(run.metrics.get("loss")).toMatchObject({ value: Number.NaN, step: 3 });
    expect(run.metrics.get("max")?.value).toBe(Number.NEGATIVE_INFINITY);
    expect(run.params.get("__proto__")).toBe("safe");
    expect(run.params.get("empty")).toBe("");
    expect(run.datasets).toEqual([]);
  });

  it("shortens the status of a logged model", () => {
    const model = loggedModelOf({ info: { model_id: "m-1", status: "LOGGED_MODEL_READY" } });
    expect(model.status).toBe("READY");
    expect(model.metrics).toEqual([]);
  });
});

describe("a bad answer", () => {
  const own = JSON.stringify({
    error_code: "TEMPORARILY_UNAVAILABLE",
    message: "The bucket does not answer.",
  });

  it.each([
    [503, own, Refused, "The bucket does not answer."],
    [503, "<h1>Service Unavailable</h1>", Unreachable, "The server did not answer."],
    [502, "", Unreachable, "The server did not answer."],
    [504, '{"message": "a proxy"}', Unreachable, "The server did not answer."],
    [500, "plain words", Refused, "plain words"],
    [404, JSON.stringify({ error_code: "RESOURCE_DOES_NOT_EXIST", message: "none" }), Refused, "none"],
  ])("%d %s", (status, text, kind, message) => {
    const failure = failureOf(status, text, "status text");
    expect(failure).toBeInstanceOf(kind);
    expect(failure.message).toBe(message);
  });
});

describe("a chart's lines in binary", () => {
  it("are read from where the header says they lie", () => {
    const line = {
      run_id: "a",
      key: "loss",
      point_count: 2,
      is_bucketed: false,
      columns: { x: { dtype: "<i8", offset: 0, length: 2 }, last: { dtype: "<f8", offset: 16, length: 2 } },
    };
    const text = JSON.stringify({ series: [line] });
    const header = new TextEncoder().encode(text + " ".repeat((8 - (text.length % 8)) % 8));
    const answer = new ArrayBuffer(16 + header.length + 32);
    new DataView(answer).setUint32(8, header.length, true);
    new Uint8Array(answer, 16).set(header);
    new BigInt64Array(answer, 16 + header.length, 2).set([-1n, 2n]);
    new Float64Array(answer, 32 + header.length, 2).set([Number.NaN, 0.5]);
    const { columns: _, ...named } = line;
    expect(linesOf(answer)).toEqual([{ ...named, x: [-1, 2], last: [Number.NaN, 0.5] }]);
  });
});
