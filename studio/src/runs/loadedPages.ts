/** The pages of the runs table that are loaded, and what becomes of them when rows come, go or move. Pure. */
import type { InfiniteData } from "@tanstack/react-query";
import type { Page, Run } from "../api/types.ts";

export interface RunsPage extends Page<Run> {
  /** When it was asked for. */
  readMs: number;
}
export type RunsPages = InfiniteData<RunsPage, string | null>;

/** A page that is left with fewer rows goes together with the next one. */
const FEWEST_ROWS = 100;

/** The first page among those with rows in sight that was asked for before a moment; the head is always in sight. */
export function stalePage(pages: RunsPage[], first: number, last: number, asOfMs: number): number | null {
  let end = 0;
  for (const [at, page] of pages.entries()) {
    const start = end;
    end += page.items.length;
    const isInSight = at === 0 || (start <= last && end > first);
    if (isInSight && page.readMs < asOfMs) return at;
  }
  return null;
}

/** Where, among the rows that were there, new ones end: two neighbours that are neighbours still tell it. */
function seamOf(rows: Run[], fresh: Run[]): number {
  const places = new Map(rows.map((run, index) => [run.runId, index]));
  for (let index = fresh.length - 1; index > 0; index -= 1) {
    const place = places.get(fresh[index]?.runId ?? "");
    const before = places.get(fresh[index - 1]?.runId ?? "");
    if (place !== undefined && before === place - 1) return place;
  }
  return -1;
}

/** Whether new pages in place of those from `at` on end among rows that are there, or where all ends. */
export function isJoined(pages: RunsPage[], at: number, fresh: RunsPage[]): boolean {
  return fresh.at(-1)?.nextToken === null || seamOf(replacedRows(pages, at, fresh), rowsOf(fresh)) >= 0;
}

const rowsOf = (pages: RunsPage[]) => pages.flatMap((page) => page.items);
/** One page more than is new, as rows that have gone move those behind them up. */
const replacedRows = (pages: RunsPage[], at: number, fresh: RunsPage[]) =>
  rowsOf(pages.slice(at, at + fresh.length + 1));

/**
 * Put new pages in place of those from `at` on. Rows behind them stay as they were; where it can't be told which
 * those are, they go, and are loaded again when they are scrolled to. No run is there twice: what is new holds.
 */
export function withFresh(pages: RunsPage[], at: number, fresh: RunsPage[]): RunsPage[] {
  const before = withoutRuns(pages.slice(0, at), rowsOf(fresh));
  const rows = replacedRows(pages, at, fresh);
  const seam = seamOf(rows, rowsOf(fresh));
  if (fresh.at(-1)?.nextToken === null || seam < 0) return [...before, ...fresh];
  const replaced = pages.slice(at, at + fresh.length + 1);
  const rest: RunsPage = {
    items: rows.slice(seam + 1),
    nextToken: replaced.at(-1)?.nextToken ?? null,
    readMs: Math.min(...replaced.map((page) => page.readMs)),
  };
  const behind = withoutRuns([rest, ...pages.slice(at + replaced.length)], rowsOf(fresh));
  return [...before, ...fresh, ...joined(behind)];
}

function joined([first, second, ...others]: RunsPage[]): RunsPage[] {
  if (!first || (first.items.length === 0 && !second)) return [];
  if (!second || first.items.length >= FEWEST_ROWS) return [first, ...(second ? [second, ...others] : [])];
  const readMs = Math.min(first.readMs, second.readMs);
  return [{ ...second, items: [...first.items, ...second.items], readMs }, ...others];
}

/** The pages without some runs. */
export function withoutRuns(pages: RunsPage[], runs: readonly Pick<Run, "runId">[]): RunsPage[] {
  const gone = new Set(runs.map((run) => run.runId));
  return pages.map((page) => {
    const items = page.items.filter((run) => !gone.has(run.runId));
    return items.length === page.items.length ? page : { ...page, items };
  });
}

/** What is kept of a list, changed run by run; a run for which there is nothing goes. */
export function changedRuns(kept: RunsPages | undefined, change: (run: Run) => Run | null) {
  if (!kept) return kept;
  const pages = kept.pages.map((page) => ({
    ...page,
    items: page.items.flatMap((run) => change(run) ?? []),
  }));
  return { ...kept, pages };
}

/** The pages as an infinite query keeps them; only their number matters to it. */
export const keptPages = (pages: RunsPage[]): RunsPages => ({
  pages,
  pageParams: [null, ...pages.slice(0, -1).map((page) => page.nextToken)],
});
