import { useState } from "react";
import { Icon } from "../parts/Icon.tsx";
import { Menu } from "../parts/Menu.tsx";
import {
  ABOUT_LABELS,
  type ColumnName,
  columnId,
  columnLabel,
  type KnownKeys,
  NAME_COLUMN,
} from "./columns.ts";
import type { ChangeTable } from "./tableSettings.ts";

/** A list for people: who has more keys searches. */
const LISTED_AT_MOST = 150;

function Group(props: {
  title: string;
  names: ColumnName[];
  search: string;
  shown: ReadonlySet<string>;
  onToggle: (id: string) => void;
}) {
  const words = props.search.toLowerCase();
  const matching = props.names.filter((name) => columnLabel(name).toLowerCase().includes(words));
  if (matching.length === 0) return null;
  return (
    <>
      <div className="group">{props.title}</div>
      {matching.slice(0, LISTED_AT_MOST).map((name) => {
        const id = columnId(name);
        return (
          <label key={id} className="item">
            <input type="checkbox" checked={props.shown.has(id)} onChange={() => props.onToggle(id)} />
            <span className="ellipsis">{columnLabel(name)}</span>
          </label>
        );
      })}
      {matching.length > LISTED_AT_MOST && (
        <div className="quiet group">{matching.length - LISTED_AT_MOST} more: search</div>
      )}
    </>
  );
}

export function ColumnsMenu({
  known,
  columns,
  change,
}: {
  known: KnownKeys;
  columns: string[];
  change: ChangeTable;
}) {
  const [search, setSearch] = useState("");
  const shown = new Set(columns);
  const toggle = (id: string) =>
    change({ columns: shown.has(id) ? columns.filter((one) => one !== id) : [...columns, id] });
  const about = Object.keys(ABOUT_LABELS).map((key): ColumnName => ({ kind: "about", key }));
  const group = (title: string, names: ColumnName[]) => (
    <Group title={title} names={names} search={search} shown={shown} onToggle={toggle} />
  );
  return (
    <Menu
      label="Columns"
      button={
        <>
          <Icon name="columns" /> <span className="wide-only">Columns</span>
        </>
      }
    >
      {() => (
        <>
          <input
            type="search"
            className="field menu-search"
            aria-label="Search columns"
            placeholder="Search columns"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
          {group(
            "Run",
            about.filter((name) => columnId(name) !== NAME_COLUMN),
          )}
          {group(
            "Metrics",
            known.metrics.map((key) => ({ kind: "metrics", key })),
          )}
          {group(
            "Params",
            known.params.map((key) => ({ kind: "params", key })),
          )}
          {group(
            "Tags",
            known.tags.map((key) => ({ kind: "tags", key })),
          )}
          <button type="button" className="item" onClick={() => change({ columns: null, pinned: [] })}>
            <Icon name="refresh" /> Back to the usual columns
          </button>
        </>
      )}
    </Menu>
  );
}
