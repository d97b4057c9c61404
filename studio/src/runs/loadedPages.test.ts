import { describe, expect, it } from "vitest";
import { runOf } from "../api/wire.ts";
import { changedRuns, isJoined, keptPages, type RunsPage, stalePage, withFresh } from "./loadedPages.ts";

const ROWS = 100;

/** A page of rows by their numbers; the token of the next one names its last row. */
function page(numbers: number[], readMs = 1, isLast = false): RunsPage {
  const items = numbers.map((number) => runOf({ info: { run_id: `${number}`, run_name: "" }, data: {} }));
  return { items, nextToken: isLast ? null : `${numbers.at(-1)}`, readMs };
}
const span = (from: number, end: number) => Array.from({ length: end - from }, (_, index) => from + index);
const shown = (pages: RunsPage[]) => pages.flatMap((one) => one.items.map((run) => Number(run.runId)));
const loaded = [0, 1, 2, 3, 4].map((at) => page(span(at * ROWS, (at + 1) * ROWS), 1, at === 4));

describe("pages that are asked for again", () => {
  it("are the first one and those in sight", () => {
    expect(stalePage(loaded, 250, 290, 1)).toBeNull();
    expect(stalePage(loaded, 250, 290, 2)).toBe(0);
    const head = [page(span(0, ROWS), 2), ...loaded.slice(1)];
    expect(stalePage(head, 0, 40, 2)).toBeNull();
    expect(stalePage(head, 250, 290, 2)).toBe(2);
    expect(stalePage(head, 190, 230, 2)).toBe(1);
  });

  it("take new rows in and leave those behind as they were, however often", () => {
    let pages = loaded;
    for (let number = -1; number >= -300; number -= 1) {
      pages = withFresh(pages, 0, [page(span(number, number + ROWS), 2)]);
    }
    expect(shown(pages)).toEqual(span(-300, 500));
    expect(pages.length).toBeLessThan(7);
    expect(pages.at(-1)?.nextToken).toBeNull();
    expect(pages.slice(1).every(({ readMs }) => readMs === 1)).toBe(true);
  });

  it("close up over rows that have gone", () => {
    const left = span(0, 500).filter((number) => number % 10 !== 3);
    const pages = withFresh(loaded, 0, [page(left.slice(0, ROWS), 2)]);
    expect(shown(pages)).toEqual([...left.slice(0, ROWS), ...span(111, 500)]);
    const next = withFresh(pages, 1, [page(left.slice(ROWS, 2 * ROWS), 3)]);
    expect(shown(next)).toEqual([...left.slice(0, 2 * ROWS), ...span(222, 500)]);
  });

  it("have a run once, wherever it went", () => {
    const risen = withFresh(loaded, 0, [page([450, ...span(0, 99)], 2)]);
    expect(shown(risen)).toEqual([450, ...span(0, 450), ...span(451, 500)]);
    // Even where it is the last of the page, and so tells nothing of where that ends.
    const last = withFresh(loaded, 0, [page([...span(0, 99), 180], 2)]);
    expect(shown(last)).toEqual([...span(0, 99), 180, ...span(99, 180), ...span(181, 500)]);
    const fallen = withFresh(loaded, 3, [page([...span(300, 350), 5, ...span(350, 399)], 2)]);
    expect(shown(fallen)).toEqual([...span(0, 5), ...span(6, 350), 5, ...span(350, 500)]);
  });

  it("let the others go where nothing is as it was", () => {
    const fresh = [page(span(-900, -800), 2)];
    expect(isJoined(loaded, 0, fresh)).toBe(false);
    expect(withFresh(loaded, 0, fresh)).toEqual(fresh);
    const more = [...fresh, page([...span(-10, 90)], 2)];
    expect(isJoined(loaded, 0, more)).toBe(true);
    expect(shown(withFresh(loaded, 0, more))).toEqual([...span(-900, -800), ...span(-10, 500)]);
  });

  it("end where the server says so", () => {
    const end = [page(span(0, 20), 2, true)];
    expect(isJoined(loaded, 0, end)).toBe(true);
    expect(withFresh(loaded, 0, end)).toEqual(end);
  });

  it("lose and change single runs", () => {
    const kept = keptPages(loaded);
    expect(kept.pageParams).toHaveLength(5);
    const changed = changedRuns(kept, (run) => (run.runId === "7" ? null : { ...run, name: "n" }));
    expect(shown(changed?.pages ?? [])).toEqual([...span(0, 7), ...span(8, 500)]);
    expect(changed?.pages[4]?.items[0]?.name).toBe("n");
    expect(changedRuns(undefined, () => null)).toBeUndefined();
  });
});
