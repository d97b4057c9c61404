/** Which lines are in sight. Pure. */

export const LINE_PX = 18;
/** Browsers know no taller boxes than about twice this; what is longer is scrolled through in larger steps. */
const MOST_PX = 8_000_000;
const LINES_AHEAD = 6;

export interface Sight {
  /** How tall the box is that the scroll bar belongs to. */
  heightPx: number;
  /** Lines from this one up to, and without, that one are drawn. */
  from: number;
  to: number;
  /** How far the first one stands above the upper edge. */
  shiftPx: number;
}

/** What a box of a height shows of so many lines when it is scrolled so far. */
export function sightOf(lineCount: number, viewPx: number, scrollPx: number): Sight {
  const wholePx = lineCount * LINE_PX;
  const heightPx = Math.max(viewPx, Math.min(wholePx, Math.max(MOST_PX, viewPx)));
  const travelPx = heightPx - viewPx;
  const share = travelPx > 0 ? Math.min(1, Math.max(0, scrollPx / travelPx)) : 0;
  const topPx = wholePx > heightPx ? share * (wholePx - viewPx) : Math.min(Math.max(0, scrollPx), travelPx);
  const from = Math.max(0, Math.floor(topPx / LINE_PX) - LINES_AHEAD);
  const to = Math.min(lineCount, Math.ceil((topPx + viewPx) / LINE_PX) + LINES_AHEAD);
  return { heightPx, from, to, shiftPx: topPx - from * LINE_PX };
}

/** How far to scroll so that a line stands in the middle. */
export function scrollTo(line: number, lineCount: number, viewPx: number): number {
  const { heightPx } = sightOf(lineCount, viewPx, 0);
  const wholePx = lineCount * LINE_PX;
  const topPx = Math.min(Math.max(0, line * LINE_PX - (viewPx - LINE_PX) / 2), Math.max(0, wholePx - viewPx));
  return wholePx > heightPx ? (topPx / (wholePx - viewPx)) * (heightPx - viewPx) : topPx;
}
