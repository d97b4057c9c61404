import type { Run } from "../api/types.ts";
import { download } from "../charts/download.ts";
import { plural } from "../parts/format.ts";
import { IconButton } from "../parts/IconButton.tsx";
import { Segments } from "../parts/Segments.tsx";
import { ColumnsMenu } from "./ColumnsMenu.tsx";
import type { KnownKeys } from "./columns.ts";
import { FilterBox } from "./FilterBox.tsx";
import { runsCsv } from "./runsCsv.ts";
import type { ChangeTable, Pane, TableSettings } from "./tableSettings.ts";

interface Props {
  settings: TableSettings;
  change: ChangeTable;
  known: KnownKeys;
  columns: string[];
  rows: Run[];
  /** What the file is called that the table is saved as. */
  title: string;
  hasMore: boolean;
  error: unknown;
}

/** Saves the selected runs, or all that are loaded. */
function SaveTable({ settings, known, columns, rows, title }: Omit<Props, "change" | "hasMore" | "error">) {
  const selected = new Set(settings.selected);
  const chosen = selected.size > 0 ? rows.filter((run) => selected.has(run.runId)) : rows;
  const which = selected.size > 0 ? "selected" : "loaded";
  return (
    <IconButton
      icon="download"
      label={`Save the ${plural(chosen.length, `${which} run`)} as CSV`}
      disabled={chosen.length === 0}
      onClick={() =>
        download(new Blob([runsCsv(chosen, columns, known)], { type: "text/csv" }), `${title}.csv`)
      }
    />
  );
}

export function RunsToolbar(props: Props) {
  const { settings, change, known, columns, rows, hasMore, error } = props;
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
        {hasMore ? `first ${plural(rows.length, "run")}` : plural(rows.length, "run")}
      </span>
      <Segments
        label="Lifecycle"
        choices={[
          [false, "Active"],
          [true, "Deleted"],
        ]}
        chosen={settings.isDeleted}
        onChoose={(isDeleted) => change({ isDeleted, selected: [] })}
      />
      <ColumnsMenu known={known} columns={columns} change={change} />
      <SaveTable {...props} />
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
