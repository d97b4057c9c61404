import { describe, expect, it } from "vitest";
import { listOrderOf, listOrderText, sortedBy } from "./sorting.ts";

const FIRST = { key: "last_update_time", isDescending: true };

describe("the order of a list", () => {
  it("reads back as it was written, and is the first one otherwise", () => {
    const order = { key: "name", isDescending: false };
    expect(listOrderOf(listOrderText(order), ["name"], FIRST)).toEqual(order);
    for (const text of [null, "", "name", "size:asc", "name:up"]) {
      expect(listOrderOf(text, ["name"], FIRST)).toEqual(FIRST);
    }
  });

  it("starts with the first name, the last moment, and is turned round", () => {
    expect(sortedBy(FIRST, "name")).toEqual({ key: "name", isDescending: false });
    expect(sortedBy({ key: "name", isDescending: false }, "name").isDescending).toBe(true);
    expect(sortedBy({ key: "name", isDescending: false }, "creation_time").isDescending).toBe(true);
    for (const key of ["run_name", "submitted_by", "status", "compute"]) {
      expect(sortedBy(FIRST, key).isDescending).toBe(false);
    }
    expect(sortedBy(FIRST, "duration_ms").isDescending).toBe(true);
  });
});
