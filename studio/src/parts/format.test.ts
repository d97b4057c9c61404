import { describe, expect, it } from "vitest";
import { ago, axisNumber, bytes, duration, number, plural, shortDuration, utcTime } from "./format.ts";

describe("numbers", () => {
  it.each([
    [0, "0"],
    [3, "3"],
    [0.1 + 0.2, "0.3"],
    [1234, "1234"],
    [24567744, "24,567,744"],
    [-48632, "-48,632"],
    [48632.4, "48,632"],
    [12345.678, "12,346"],
    [123456.789, "123,457"],
    [1234567.5, "1,234,568"],
    [0.00001234, "1.234e-5"],
    [0.00001, "1e-5"],
    [2.5e12, "2.5e12"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "∞"],
    [Number.NEGATIVE_INFINITY, "−∞"],
  ])("%d reads %s", (value, text) => {
    expect(number(value)).toBe(text);
  });
});

describe("numbers beside an axis", () => {
  it.each([
    [0, "0"],
    [0.1 + 0.2, "0.3"],
    [9999, "9999"],
    [12_500, "12.5k"],
    [-20_000, "-20k"],
    [800_000_000, "800M"],
    [2.5e12, "2.5T"],
    [1e16, "1e16"],
    [0.00002, "2e-5"],
    // Neighbours on an axis of a small stretch are told apart.
    [1_234_560, "1.23456M"],
    [1_234_570, "1.23457M"],
    [0.1234561, "0.1234561"],
  ])("%d reads %s", (value, text) => {
    expect(axisNumber(value)).toBe(text);
  });
});

describe("lengths", () => {
  it.each([
    [-5, "0 ms"],
    [999, "999 ms"],
    [1500, "1.5 s"],
    [59_000, "59 s"],
    [119_600, "2 min 0 s"],
    [3_600_000, "1 h 0 min"],
    [90_000_000, "1 d 1 h"],
  ])("%d ms reads %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it.each([
    [0, "0 ms"],
    [0.0001, "1 µs"],
    [0.25, "250 µs"],
    [1.234, "1.23 ms"],
    [12.34, "12.3 ms"],
    [1500, "1.5 s"],
  ])("%d ms of a span reads %s", (ms, text) => {
    expect(shortDuration(ms)).toBe(text);
  });

  it("of files", () => {
    expect(bytes(0)).toBe("0 B");
    expect(bytes(1536)).toBe("1.5 KB");
    expect(bytes(50 * 1024 * 1024)).toBe("50 MB");
  });
});

describe("moments", () => {
  const now = Date.UTC(2026, 10, 23, 12, 0, 0);

  it("are told from now", () => {
    expect(ago(now - 10_000, now)).toBe("just now");
    expect(ago(now - 50_000, now)).toBe("1 min ago");
    expect(ago(now - 2 * 3_600_000, now)).toBe("2 h ago");
  });

  it("are exact in UTC", () => {
    expect(utcTime(now)).toBe("2026-11-23 12:00:00 UTC");
    expect(utcTime(now + 25)).toBe("2026-11-23 12:00:00.025 UTC");
    expect(utcTime(-(2 ** 63))).toBe("-271821-04-20 00:00:00 UTC");
    expect(utcTime(2 ** 63)).toBe("+275760-09-13 00:00:00 UTC");
    expect(ago(-(2 ** 63), now)).not.toBe("Invalid Date");
  });
});

it("counts", () => {
  expect(plural(1, "run")).toBe("1 run");
  expect(plural(12000, "run")).toBe("12,000 runs");
});
