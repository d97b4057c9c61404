import { describe, expect, it } from "vitest";
import { Refused } from "../api/transport.ts";
import { MOVED_AT_ONCE, moveInParts } from "./moving.ts";

const IDS = Array.from({ length: 2 * MOVED_AT_ONCE + 1 }, (_, number) => `run-${number}`);

describe("moving many runs", () => {
  it("sends few calls, in order, and tells how far it is", async () => {
    const sent: string[][] = [];
    const told: number[] = [];
    await moveInParts(
      IDS,
      async (part) => sent.push(part),
      (count) => told.push(count),
    );
    expect(sent.map((part) => part.length)).toEqual([MOVED_AT_ONCE, MOVED_AT_ONCE, 1]);
    expect(sent.flat()).toEqual(IDS);
    expect(told).toEqual([0, MOVED_AT_ONCE, 2 * MOVED_AT_ONCE]);
  });

  it("says how many were moved before one that failed", async () => {
    const refuse = (at: number) => async (part: string[]) => {
      if (part.includes(`run-${at}`)) throw new Refused(404, "RESOURCE_DOES_NOT_EXIST", "It is not there.");
    };
    await expect(moveInParts(IDS, refuse(700), () => {})).rejects.toThrow(
      "Done with 500 of 1,001 runs, then it stopped: It is not there.",
    );
    await expect(moveInParts(IDS, refuse(0), () => {})).rejects.toThrow(/^It is not there\.$/);
  });
});
