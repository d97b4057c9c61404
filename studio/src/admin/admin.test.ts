import { describe, expect, it } from "vitest";
import type { Collected } from "../api/storage.ts";
import { bytesOf, NOTHING, type Step, untilDone } from "./collecting.ts";
import { faresOf, samplesOf } from "./exposition.ts";

describe("emptying the trash", () => {
  it("goes on where each call stopped, and adds up", async () => {
    const answers: Collected[] = [0, 7].map((next_offset) => ({
      ...NOTHING,
      runs: 2,
      metric_bytes: 10,
      artifact_bytes: 5,
      is_done: next_offset === 0,
      deleted_before_ms: 1234,
      next_offset,
      database_bytes: 0,
    }));
    const steps: Step[] = [];
    const seen: number[] = [];
    const freed = await untilDone(
      async (step) => {
        steps.push(step);
        const answer = answers.pop();
        if (!answer) throw new Error("called too often");
        return answer;
      },
      (soFar) => seen.push(soFar.runs),
    );
    expect(steps).toEqual([{}, { deleted_before_ms: 1234, offset: 7 }]);
    expect(seen).toEqual([2, 4]);
    expect(bytesOf(freed)).toBe(30);
  });
});

describe("the figures of /metrics", () => {
  it("are added up over routes, whatever stands in a label", () => {
    const fares = faresOf(
      samplesOf(
        [
          "# HELP runyard_requests_total Requests that were answered.",
          'runyard_requests_total{method="GET",route="/a \\"{b}\\"",status="2xx"} 4.0',
          'runyard_requests_total{method="GET",route="/c",status="5xx"} 1.0',
          'runyard_request_seconds_bucket{le="+Inf",method="GET",route="/c"} 5.0',
          'runyard_request_seconds_count{method="GET",route="/c"} 5.0',
          'runyard_request_seconds_sum{method="GET",route="/c"} 0.01',
          "process_start_time_seconds 1.7e+09",
          "",
        ].join("\n"),
      ),
    );
    expect(fares).toMatchObject({
      requests: 5,
      faults: 1,
      meanMs: 2,
      startedMs: 1.7e12,
      databaseBytes: null,
    });
  });
});
