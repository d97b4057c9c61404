import { type Range, useVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect } from "react";
import { useSteady } from "./useSteady.ts";

/** So many columns are in the page whole, where a browser's own search finds them. */
const ALL_UP_TO = 40;
/** Columns come and go so many at a time: more would be more than a frame has time for. */
const BLOCK = 4;
const COLUMNS_AHEAD = 4;

export interface Column {
  id: string;
  width: number;
  /** Where it stays while the table is scrolled; null for one that is scrolled along. */
  left: number | null;
}

/** A column and where it is; without an id, room for columns that are out of sight. */
export interface Place {
  id: string | null;
  /** Its number among all columns, from 1. */
  index: number;
  isPinned: boolean;
  style: { width: number; left?: number };
}

/** Whole blocks of columns around those in sight; all columns where there are few. */
export function columnsAround({ startIndex, endIndex, overscan, count }: Range): number[] {
  const isFew = count <= ALL_UP_TO;
  const first = isFew ? 0 : Math.max(0, Math.floor((startIndex - overscan) / BLOCK) * BLOCK);
  const end = isFew ? count : Math.min(count, Math.ceil((endIndex + 1 + overscan) / BLOCK) * BLOCK);
  return Array.from({ length: end - first }, (_, index) => first + index);
}

/** The columns that are drawn: those that stay, and those that are scrolled to. */
export function useColumnsInSight(scroller: RefObject<HTMLElement | null>, columns: Column[]): Place[] {
  const pinned = columns.filter(({ left }) => left !== null);
  const others = columns.filter(({ left }) => left === null);
  const pinnedWidth = pinned.reduce((sum, { width }) => sum + width, 0);
  const across = useVirtualizer({
    horizontal: true,
    count: others.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => others[index]?.width ?? 0,
    getItemKey: (index) => others[index]?.id ?? index,
    scrollMargin: pinnedWidth,
    overscan: COLUMNS_AHEAD,
    rangeExtractor: columnsAround,
    useFlushSync: false,
  });
  const widths = useSteady(others.map(({ width }) => width));
  // biome-ignore lint/correctness/useExhaustiveDependencies: other widths are measured anew
  useEffect(() => across.measure(), [across, widths]);

  const items = across.getVirtualItems();
  const before = (items[0]?.start ?? pinnedWidth) - pinnedWidth;
  const after = across.getTotalSize() - ((items.at(-1)?.end ?? pinnedWidth) - pinnedWidth);
  const room = (width: number, index: number): Place[] =>
    width > 0 ? [{ id: null, index, isPinned: false, style: { width } }] : [];
  return useSteady([
    ...pinned.map(
      ({ id, width, left }, index): Place => ({
        id,
        index: index + 1,
        isPinned: true,
        style: { width, left: left ?? 0 },
      }),
    ),
    ...room(before, 0),
    ...items.flatMap(({ index }): Place[] => {
      const column = others[index];
      if (!column) return [];
      const number = pinned.length + index + 1;
      return [{ id: column.id, index: number, isPinned: false, style: { width: column.width } }];
    }),
    ...room(after, columns.length + 1),
  ]);
}
