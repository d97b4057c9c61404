import { describe, expect, it } from "vitest";
import { type TraceQuestion, traceFilter, traceSessionOf } from "../api/traces.ts";
import type { Span, Trace } from "../api/traceTypes.ts";
import { assessmentOf, costOf, promptsOf, spanOf, tokensOf, traceOf } from "../api/traceWire.ts";
import { messagesIn } from "./messages.ts";
import { barOf, extentOf, shownNodes, treeOf } from "./tree.ts";
import { firstTrace, giverOf, kindOf, valueText, writtenValue } from "./words.ts";

function spanWith(
  spanId: string,
  parentId: string,
  startedMs = 0,
  endedMs: number | null = startedMs + 1,
): Span {
  return {
    spanId,
    parentId,
    name: `name of ${spanId}`,
    type: "",
    startedMs,
    endedMs,
    status: "OK",
    statusMessage: "",
    inputs: undefined,
    outputs: undefined,
    attributes: new Map(),
    events: [],
  };
}

const shape = (spans: Span[]) => treeOf(spans).map(({ span, depth }) => `${depth}${span.spanId}`);

describe("the tree of spans", () => {
  it("has each span before those below it, siblings by their beginning", () => {
    const spans = [spanWith("c", "a", 5), spanWith("d", "b", 3), spanWith("b", "a", 2), spanWith("a", "", 1)];
    expect(shape(spans)).toEqual(["0a", "1b", "2d", "1c"]);
    expect(treeOf(spans).map((node) => node.belowCount)).toEqual([3, 1, 0, 0]);
  });

  it("loses none whose parent is missing, which is its own parent, or which goes round in a circle", () => {
    expect(shape([spanWith("a", "gone"), spanWith("b", "b", 1)])).toEqual(["0a", "0b"]);
    expect(shape([spanWith("a", "b"), spanWith("b", "a", 1)])).toEqual(["0a", "1b"]);
    expect(shape([spanWith("a", ""), spanWith("a", "")])).toEqual(["0a"]);
  });

  it("bears a chain that is longer than a stack is deep", () => {
    const chain = Array.from({ length: 20_000 }, (_, number) =>
      spanWith(String(number), number ? String(number - 1) : ""),
    );
    expect(treeOf(chain).at(-1)?.depth).toBe(19_999);
    expect(treeOf(chain)[0]?.belowCount).toBe(19_999);
  });

  it("shows nothing below what is closed, and what words find with the way to it", () => {
    const nodes = treeOf([
      spanWith("a", ""),
      spanWith("b", "a", 1),
      spanWith("c", "b", 2),
      spanWith("d", "a", 3),
    ]);
    const ids = (closed: string[], words = "") =>
      shownNodes(nodes, new Set(closed), words).map((node) => node.span.spanId);
    expect(ids(["b"])).toEqual(["a", "b", "d"]);
    expect(ids(["a", "b"])).toEqual(["a"]);
    expect(ids(["a"], " NAME of c ")).toEqual(["a", "b", "c"]);
    expect(ids([], "nothing")).toEqual([]);
  });

  it("lies in time between the first beginning and the last end", () => {
    const spans = [spanWith("a", "", 100, 300), spanWith("b", "a", 150, 200), spanWith("c", "a", 250, null)];
    const extent = extentOf(spans);
    expect(extent).toEqual({ fromMs: 100, toMs: 300 });
    expect(spans.map((span) => barOf(span, extent))).toEqual([
      { left: 0, width: 100 },
      { left: 25, width: 25 },
      { left: 75, width: 25 },
    ]);
    expect(barOf(spanWith("a", "", 5, 5), extentOf([spanWith("a", "", 5, 5)]))).toEqual({
      left: 0,
      width: 0,
    });
    expect(extentOf([])).toEqual({ fromMs: 0, toMs: 0 });
  });
});

describe("spans as MLflow writes them", () => {
  it("reads the form of today", () => {
    const span = spanOf({
      span_id: "b",
      parent_span_id: "a",
      name: "ask",
      start_time_unix_nano: 1_500_000_000,
      end_time_unix_nano: 1_750_000_000,
      status: { code: "STATUS_CODE_ERROR", message: "no" },
      attributes: { "mlflow.spanInputs": '{"q": 1}', "mlflow.spanType": '"LLM"', other: "no JSON" },
      events: [{ name: "exception", time_unix_nano: 1_600_000_000, attributes: { "exception.type": "E" } }],
    });
    expect(span).toMatchObject({
      parentId: "a",
      startedMs: 1500,
      endedMs: 1750,
      status: "ERROR",
      type: "LLM",
    });
    expect(span.inputs).toEqual({ q: 1 });
    expect([...span.attributes]).toEqual([["other", "no JSON"]]);
    expect(span.events[0]).toMatchObject({ atMs: 1600, attributes: new Map([["exception.type", "E"]]) });
  });

  it("reads the form of 2.14 to 2.22", () => {
    const span = spanOf({
      name: "ask",
      context: { span_id: "0x1", trace_id: "0x2" },
      parent_id: null,
      start_time: 2_000_000,
      end_time: null,
      status_code: "OK",
      status_message: "",
      attributes: { "mlflow.spanOutputs": '"yes"', "mlflow.spanType": '"UNKNOWN"' },
      events: [{ name: "e", timestamp: 3000, attributes: {} }],
    });
    expect(span).toMatchObject({ spanId: "0x1", parentId: "", startedMs: 2, endedMs: null, type: "" });
    expect(span).toMatchObject({ status: "OK", outputs: "yes", events: [{ atMs: 3 }] });
  });
});

const told = (metadata: Record<string, string>, more: object = {}): Trace =>
  traceOf({
    trace_id: "tr-1",
    state: "OK",
    request_time: "2026-01-01T00:00:01Z",
    execution_duration: "1.5s",
    trace_metadata: metadata,
    ...more,
  });

describe("what is known of a trace", () => {
  it("has times, a name, tokens, cost and prompts", () => {
    const trace = told(
      { "mlflow.trace.tokenUsage": '{"total_tokens": 12}', "mlflow.trace.cost": '{"total_cost": 0.5}' },
      { tags: { "mlflow.traceName": "ask", "mlflow.linkedPrompts": '[{"name": "hi", "version": "2"}]' } },
    );
    expect(trace).toMatchObject({ name: "ask", startedMs: 1_767_225_601_000, executionMs: 1500 });
    expect([tokensOf(trace), costOf(trace)]).toEqual([12, 0.5]);
    expect(promptsOf(trace)).toEqual([{ name: "hi", version: "2" }]);
  });

  it("bears what others wrote into it", () => {
    const trace = told({ "mlflow.trace.tokenUsage": "null" }, { tags: { "mlflow.linkedPrompts": "{" } });
    expect([trace.name, tokensOf(trace), costOf(trace), promptsOf(trace)]).toEqual(["tr-1", null, null, []]);
    expect(traceOf({}).startedMs).toBeNull();
    expect(traceOf({}).executionMs).toBeNull();
  });

  it("is a part of a session, whose first request may be nothing", () => {
    const wire = { session_id: "s", trace_count: 2, error_count: 1, first_ms: 1000, last_ms: 3000 };
    expect(traceSessionOf({ ...wire, total_tokens: null, first_request: null })).toEqual({
      sessionId: "s",
      traceCount: 2,
      errorCount: 1,
      totalTokens: null,
      firstRequest: "",
      firstMs: 1000,
      lastMs: 3000,
    });
  });
});

describe("assessments", () => {
  const given = (value: object) =>
    assessmentOf({ assessment_name: "n", source: { source_type: "HUMAN" }, ...value });

  it.each([
    [{ feedback: { value: true } }, "feedback", "Yes"],
    [{ feedback: { value: 0.5 } }, "feedback", "0.5"],
    [{ feedback: { error: { error_code: "E", error_message: "no" } } }, "feedback", "E: no"],
    [{ expectation: { value: "rain" } }, "expectation", "rain"],
    [{ expectation: { serialized_value: { value: "[1]" } } }, "expectation", "[\n  1\n]"],
    [{ issue: { issue_name: "i-1" } }, "issue", "i-1"],
  ])("%j reads as %s", (value, kind, text) => {
    expect(given(value).kind).toBe(kind);
    expect(valueText(given(value))).toBe(text);
  });

  it("say who gave them", () => {
    expect(giverOf(given({ source: { source_type: "LLM_JUDGE", source_id: "gpt" } }))).toBe("judge gpt");
    expect(giverOf(given({}))).toBe("unknown");
  });

  it("are written as values of their kind", () => {
    expect(writtenValue("boolean", "no")).toBe(false);
    expect(writtenValue("number", "2.5")).toBe(2.5);
    expect(writtenValue("json", "[1]")).toEqual([1]);
    expect(writtenValue("text", "1")).toBe("1");
    expect(() => writtenValue("number", "")).toThrow("no number");
    expect(() => writtenValue("json", "{")).toThrow("no JSON");
    expect([true, 1, "x", [1], null].map(kindOf)).toEqual(["boolean", "number", "text", "json", "text"]);
  });
});

describe("the filter of a list", () => {
  const question: TraceQuestion = {
    experimentId: "1",
    typed: "",
    state: "",
    withinMs: null,
    runId: "",
    sessionId: "",
    orderBy: "",
  };

  it.each([
    [{}, ""],
    [{ typed: "it's" }, `(name ILIKE "%it's%" OR text ILIKE "%it's%")`],
    [
      { typed: "status = 'OK' OR name = 'a'", state: "OK" },
      "(status = 'OK' OR name = 'a') AND status = 'OK'",
    ],
    [{ withinMs: 1000, runId: "r" }, "timestamp_ms > 4000 AND run_id = 'r'"],
    [{ sessionId: "s" }, "metadata.`mlflow.trace.session` = 's'"],
  ])("%j is %s", (asked, filter) => {
    expect(traceFilter({ ...question, ...asked }, 5000)).toBe(filter);
  });
});

it("the first trace is logged by a snippet, into a run where one is on screen", () => {
  expect(firstTrace("http://h", "a 'b'")).toContain(`mlflow.set_experiment("a 'b'")`);
  expect(firstTrace("http://h", "a", "r1")).toContain('with mlflow.start_run(run_id="r1"):');
});

describe("messages of a conversation", () => {
  const texts = (value: unknown) => messagesIn(value)?.map(({ role, text }) => [role, text]);

  it.each([
    [{ messages: [{ role: "user", content: "hi" }] }, [["user", "hi"]]],
    [
      [{ role: "user", content: [{ type: "text", text: "hi" }, { type: "image_url" }] }],
      [["user", "hi\n[image_url]"]],
    ],
    [{ choices: [{ message: { role: "assistant", content: "yes" } }] }, [["assistant", "yes"]]],
    [{ role: "assistant", content: [{ type: "text", text: "yes" }] }, [["assistant", "yes"]]],
    [{ messages: [[{ type: "human", content: "hi" }]] }, [["user", "hi"]]],
    [{ input: [{ role: "user", content: "hi" }] }, [["user", "hi"]]],
    [
      { output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "yes" }] }] },
      [["assistant", "yes"]],
    ],
  ])("are read from %j", (value, messages) => {
    expect(texts(value)).toEqual(messages);
  });

  it.each([
    [null],
    ["text"],
    [[]],
    [{}],
    [{ messages: "none" }],
    [{ messages: [1] }],
    [{ content: "a page" }],
    [[{ role: "user" }]],
    [{ role: 1, content: "x" }],
  ])("are not seen in %j", (value) => {
    expect(messagesIn(value)).toBeNull();
  });

  it("may call tools, in each library's own way", () => {
    const call = { id: "1", function: { name: "look_up", arguments: '{"a": 1}' } };
    const calls = [
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "assistant", content: [{ type: "tool_use", name: "look_up", input: { a: 1 } }] },
      { type: "ai", content: "", tool_calls: [{ name: "look_up", args: { a: 1 } }] },
      { type: "function_call", name: "look_up", arguments: '{"a": 1}' },
    ];
    for (const message of messagesIn(calls) ?? []) {
      expect(message).toEqual({
        role: "assistant",
        text: "",
        toolCalls: [{ name: "look_up", input: { a: 1 } }],
      });
    }
    expect(messagesIn(calls)).toHaveLength(4);
    expect(texts([{ type: "function_call_output", output: "7" }])).toEqual([["tool", "7"]]);
  });
});
