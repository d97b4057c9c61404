import {
  columnPinningFeature,
  columnResizingFeature,
  columnSizingFeature,
  createColumnHelper,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useEffect, useMemo, useRef } from "react";
import type { Run } from "../api/types.ts";
import { columnName, columnWidth, NAME_COLUMN } from "./columns.ts";
import { HeaderCell } from "./HeaderCell.tsx";
import { RunRow } from "./RunRow.tsx";
import type { ChangeTable, TableSettings } from "./tableSettings.ts";
import { useColumnsInSight } from "./useColumnsInSight.ts";

const ROW_PX = 34;
const ROWS_AHEAD = 12;

const features = tableFeatures({ columnSizingFeature, columnResizingFeature, columnPinningFeature });
const helper = createColumnHelper<typeof features, Run>();

export interface TableActions {
  select: (runId: string, isRange: boolean) => void;
  selectAll: () => void;
  toggleEye: (runId: string) => void;
  activate: (runId: string) => void;
}

interface Props {
  rows: Run[];
  columns: string[];
  settings: TableSettings;
  change: ChangeTable;
  slots: ReadonlyMap<string, number>;
  visible: ReadonlySet<string>;
  activeId: string | null;
  actions: TableActions;
  hasMore: boolean;
  isLoadingMore: boolean;
  loadMore: () => void;
  /** Told which rows are in sight. */
  look: (first: number, last: number) => void;
}

/** The virtualised table: only the rows in sight are in the page. */
export function RunsTable(props: Props) {
  const { rows, columns, settings, change, activeId, actions, hasMore, isLoadingMore, loadMore, look } =
    props;
  const scroller = useRef<HTMLDivElement>(null);
  const ids = useMemo(() => [NAME_COLUMN, ...columns.filter((id) => id !== NAME_COLUMN)], [columns]);
  const definitions = useMemo(
    () =>
      helper.columns(
        ids.flatMap((id) => {
          const name = columnName(id);
          return name ? [helper.display({ id, size: columnWidth(name), minSize: 64, maxSize: 640 })] : [];
        }),
      ),
    [ids],
  );
  const pinning = useMemo(
    () => ({ start: [NAME_COLUMN, ...settings.pinned.filter((id) => ids.includes(id))], end: [] }),
    [settings.pinned, ids],
  );
  const table = useTable({
    features,
    columns: definitions,
    data: rows,
    getRowId: (run: Run) => run.runId,
    state: { columnPinning: pinning },
    columnResizeMode: "onChange",
  });
  const shown = [...table.getStartLeafColumns(), ...table.getCenterLeafColumns()];
  // The cells of the next columns are made between the frames, while those ahead of the edge are shown.
  const places = useDeferredValue(
    useColumnsInSight(
      scroller,
      shown.map((column) => ({
        id: column.id,
        width: column.getSize(),
        left: column.getIsPinned() === "start" ? column.getStart("start") : null,
      })),
    ),
  );
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: ROWS_AHEAD,
    useFlushSync: false,
  });
  const items = virtual.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);

  const firstInSight = items[0]?.index ?? 0;
  const lastInSight = items.at(-1)?.index ?? 0;
  useEffect(() => look(firstInSight, lastInSight), [look, firstInSight, lastInSight]);
  useEffect(() => {
    if (hasMore && !isLoadingMore && lastInSight >= rows.length - ROWS_AHEAD) loadMore();
  }, [hasMore, isLoadingMore, lastInSight, rows.length, loadMore]);

  const activeIndex = activeId === null ? -1 : rows.findIndex((run) => run.runId === activeId);
  useEffect(() => {
    if (activeIndex >= 0) virtual.scrollToIndex(activeIndex);
  }, [activeIndex, virtual]);

  const selected = useMemo(() => new Set(settings.selected), [settings.selected]);
  const isAllSelected = rows.length > 0 && rows.every((run) => selected.has(run.runId));
  const headers = new Map(table.getFlatHeaders().map((header) => [header.column.id, header]));
  return (
    <section
      ref={scroller}
      className="runs-scroll"
      style={{ scrollPaddingLeft: table.getStartTotalSize() }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
      tabIndex={0}
      aria-label="Runs"
    >
      <table
        className="runs"
        style={{ width: table.getTotalSize() }}
        aria-rowcount={hasMore ? -1 : rows.length + 1}
        aria-colcount={shown.length}
      >
        <thead>
          <tr>
            {places.map(({ id, index, style, isPinned }) =>
              id === null ? (
                <td key={index} aria-hidden="true" style={style} />
              ) : (
                <HeaderCell
                  key={id}
                  id={id}
                  index={index}
                  style={style}
                  isPinned={isPinned}
                  settings={settings}
                  columns={columns}
                  change={change}
                  onResize={headers.get(id)?.getResizeHandler()}
                  isAllSelected={isAllSelected}
                  onSelectAll={actions.selectAll}
                />
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <tr style={{ height: above }} />}
          {items.map((item) => {
            const run = rows[item.index];
            return run ? (
              <RunRow
                key={run.runId}
                run={run}
                index={item.index}
                places={places}
                slot={props.slots.get(run.runId) ?? null}
                isVisible={props.visible.has(run.runId)}
                isSelected={selected.has(run.runId)}
                isActive={run.runId === activeId}
                actions={actions}
              />
            ) : null;
          })}
          {below > 0 && <tr style={{ height: below }} />}
        </tbody>
      </table>
      {isLoadingMore && <div className="loading-more quiet">Loading more runs…</div>}
    </section>
  );
}
