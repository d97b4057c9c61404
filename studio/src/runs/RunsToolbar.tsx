import { plural } from "../parts/format.ts";
import { ColumnsMenu } from "./ColumnsMenu.tsx";
import type { KnownKeys } from "./columns.ts";
import { FilterBox } from "./FilterBox.tsx";
import type { ChangeTable, Pane, TableSettings } from "./tableSettings.ts";

interface Props {
  settings: TableSettings;
  change: ChangeTable;
  known: KnownKeys;
  columns: string[];
  rowCount: number;
  hasMore: boolean;
  error: unknown;
}

export function RunsToolbar({ settings, change, known, columns, rowCount, hasMore, error }: Props) {
  const panes: [Pane, string, boolean][] = [
    // Beside the charts on wide screens, in their place on narrow ones.
    ["table", "Table", true],
    ["charts", "Charts", false],
    ["compare", settings.selected.length > 1 ? `Compare ${settings.selected.length}` : "Compare", false],
  ];
  return (
    <div className="toolbar">
      <FilterBox
        value={settings.filter}
        error={error}
        onApply={(filter) => change({ filter }, { push: true })}
      />
      <span className="quiet count" role="status">
        {hasMore ? `first ${plural(rowCount, "run")}` : plural(rowCount, "run")}
      </span>
      <fieldset className="segments" aria-label="Lifecycle">
        {[false, true].map((isDeleted) => (
          <button
            key={String(isDeleted)}
            type="button"
            className="button"
            aria-pressed={settings.isDeleted === isDeleted}
            onClick={() => change({ isDeleted, selected: [] })}
          >
            {isDeleted ? "Deleted" : "Active"}
          </button>
        ))}
      </fieldset>
      <ColumnsMenu known={known} columns={columns} change={change} />
      <fieldset className="segments" aria-label="View">
        {panes.map(([pane, label, isNarrowOnly]) => (
          <button
            key={pane}
            type="button"
            className={`button ${isNarrowOnly ? "narrow-only" : ""}`}
            aria-pressed={settings.pane === pane}
            disabled={pane === "compare" && settings.selected.length < 2}
            onClick={() => change({ pane })}
          >
            {label}
          </button>
        ))}
      </fieldset>
    </div>
  );
}
