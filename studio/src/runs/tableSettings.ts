import { useMemo } from "react";
import type { Lifecycle } from "../api/mlflow.ts";
import { type QueryChange, useUrlQuery } from "../app/location.ts";
import { columnName, listText, type Order, orderOf, orderText, textList } from "./columns.ts";
import { type Eyes, FIRST_LIMIT, RUN_LIMITS } from "./selection.ts";

export type Pane = "charts" | "compare" | "table";

/** Everything about the runs screen that a link to it carries. */
export interface TableSettings {
  filter: string;
  order: Order;
  isDeleted: boolean;
  /** null until somebody chose. */
  columns: string[] | null;
  pinned: string[];
  selected: string[];
  eyes: Eyes;
  limit: number;
  /** The column that lines are drawn together by; empty for a line a run. */
  groupBy: string;
  pane: Pane;
  panelSearch: string;
  onlyDifferent: boolean;
}

export function tableSettingsOf(query: URLSearchParams): TableSettings {
  const limit = Number(query.get("limit") ?? FIRST_LIMIT);
  const pane = query.get("pane");
  return {
    filter: query.get("filter") ?? "",
    order: orderOf(query.get("order")),
    isDeleted: query.get("lifecycle") === "deleted",
    columns: query.has("cols") ? textList(query.get("cols")) : null,
    pinned: textList(query.get("pin")),
    selected: textList(query.get("sel")),
    eyes: { hidden: textList(query.get("hide")), shown: textList(query.get("show")) },
    limit: RUN_LIMITS.some((one) => one === limit) ? limit : FIRST_LIMIT,
    groupBy: columnName(query.get("group") ?? "") ? (query.get("group") ?? "") : "",
    pane: pane === "compare" || pane === "table" ? pane : "charts",
    panelSearch: query.get("panels") ?? "",
    onlyDifferent: query.get("diff") !== "0",
  };
}

export function tableChange(change: Partial<TableSettings>): QueryChange {
  const query: QueryChange = {};
  if (change.filter !== undefined) query.filter = change.filter;
  if (change.order !== undefined) query.order = orderText(change.order);
  if (change.isDeleted !== undefined) query.lifecycle = change.isDeleted ? "deleted" : null;
  if (change.columns !== undefined) query.cols = change.columns && listText(change.columns);
  if (change.pinned !== undefined) query.pin = listText(change.pinned);
  if (change.selected !== undefined) query.sel = listText(change.selected);
  if (change.eyes !== undefined) {
    query.hide = listText(change.eyes.hidden);
    query.show = listText(change.eyes.shown);
  }
  if (change.limit !== undefined) query.limit = change.limit === FIRST_LIMIT ? null : String(change.limit);
  if (change.groupBy !== undefined) query.group = change.groupBy;
  if (change.pane !== undefined) query.pane = change.pane === "charts" ? null : change.pane;
  if (change.panelSearch !== undefined) query.panels = change.panelSearch;
  if (change.onlyDifferent !== undefined) query.diff = change.onlyDifferent ? null : "0";
  return query;
}

export const lifecycleOf = (settings: TableSettings): Lifecycle =>
  settings.isDeleted ? "DELETED_ONLY" : "ACTIVE_ONLY";

export type ChangeTable = (change: Partial<TableSettings>, how?: { push?: boolean }) => void;

export function useTableSettings(): [TableSettings, ChangeTable] {
  const [query, changeQuery] = useUrlQuery();
  const settings = useMemo(() => tableSettingsOf(query), [query]);
  const change = useMemo<ChangeTable>(
    () => (next, how) => changeQuery(tableChange(next), how),
    [changeQuery],
  );
  return [settings, change];
}
