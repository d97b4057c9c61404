import type { CSSProperties, FocusEvent } from "react";
import { Icon } from "../parts/Icon.tsx";
import { Menu } from "../parts/Menu.tsx";
import { columnLabel, columnName, isSortable, NAME_COLUMN, nextOrder } from "./columns.ts";
import type { ChangeTable, TableSettings } from "./tableSettings.ts";

interface Props {
  id: string;
  index: number;
  style: CSSProperties;
  isPinned: boolean;
  settings: TableSettings;
  columns: string[];
  change: ChangeTable;
  onResize: ((event: unknown) => void) | undefined;
  isAllSelected: boolean;
  onSelectAll: () => void;
}

function movedBy(columns: string[], id: string, by: number): string[] {
  const rest = columns.filter((one) => one !== id);
  rest.splice(Math.max(0, columns.indexOf(id) + by), 0, id);
  return rest;
}

function ColumnMenu({ id, isPinned, settings, columns, change }: Props) {
  const label = columnLabel(columnName(id) ?? { kind: "about", key: id });
  const item = (text: string, act: () => void, close: () => void) => (
    <button
      type="button"
      className="item"
      onClick={() => {
        close();
        act();
      }}
    >
      {text}
    </button>
  );
  const pinned = isPinned ? settings.pinned.filter((one) => one !== id) : [...settings.pinned, id];
  function hide() {
    // The button with the focus goes with its column.
    document.querySelector<HTMLElement>(".runs-scroll")?.focus();
    change({ columns: columns.filter((one) => one !== id) });
  }
  return (
    <Menu
      label={`Column ${label}`}
      isStart
      buttonClass="button bare icon small more"
      button={<Icon name="more" />}
    >
      {(close) => (
        <>
          {item(isPinned ? "Unpin" : "Pin to the left", () => change({ pinned }), close)}
          {item("Move left", () => change({ columns: movedBy(columns, id, -1) }), close)}
          {item("Move right", () => change({ columns: movedBy(columns, id, 1) }), close)}
          {item("Hide", hide, close)}
        </>
      )}
    </Menu>
  );
}

/** A browser leaves a header alone of which half is in sight. One that is clicked must not move away. */
function bringIntoSight({ target, currentTarget }: FocusEvent<HTMLElement>) {
  if (target.matches(":focus-visible")) currentTarget.scrollIntoView({ block: "nearest", inline: "nearest" });
}

export function HeaderCell(props: Props) {
  const { id, style, isPinned, settings, change, onResize } = props;
  const name = columnName(id);
  if (!name) return null;
  const label = columnLabel(name);
  const isSorted = settings.order.column === id;
  const sorted = !isSorted ? undefined : settings.order.isDescending ? "descending" : "ascending";
  const text = (
    <>
      {name.kind !== "about" && <span className="kind">{name.kind}</span>}{" "}
      <span className="ellipsis">{label}</span>
    </>
  );
  return (
    <th
      scope="col"
      aria-colindex={props.index}
      style={style}
      className={`${isPinned ? "pinned" : ""} ${name.kind === "metrics" ? "end" : ""}`}
      aria-sort={sorted}
      onFocus={isPinned ? undefined : bringIntoSight}
    >
      <span className="row head">
        {id === NAME_COLUMN && (
          <input
            type="checkbox"
            aria-label="Select all loaded runs"
            checked={props.isAllSelected}
            onChange={props.onSelectAll}
          />
        )}
        {isSortable(name) ? (
          <button
            type="button"
            className="sort grow"
            title={`Sort by ${label}`}
            aria-label={name.kind === "about" ? `Sort by ${label}` : `Sort by ${name.kind} ${label}`}
            onClick={() => change({ order: nextOrder(settings.order, id) })}
          >
            {text}
            {isSorted && <span aria-hidden="true">{settings.order.isDescending ? "↓" : "↑"}</span>}
          </button>
        ) : (
          <span className="sort grow">{text}</span>
        )}
        {id !== NAME_COLUMN && <ColumnMenu {...props} />}
      </span>
      {onResize && (
        <span className="resize" aria-hidden="true" onMouseDown={onResize} onTouchStart={onResize} />
      )}
    </th>
  );
}
