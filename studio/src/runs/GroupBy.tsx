import { ABOUT_LABELS, type ColumnName, columnId, columnLabel, type KnownKeys } from "./columns.ts";
import { GROUPS_ABOUT } from "./grouping.ts";

interface Props {
  known: KnownKeys;
  value: string;
  onChange: (column: string) => void;
}

/** By what the lines of runs are drawn together, as their mean. */
export function GroupBy({ known, value, onChange }: Props) {
  const groups: [string, ColumnName[]][] = [
    ["Params", known.params.map((key) => ({ kind: "params", key }))],
    ["Tags", known.tags.map((key) => ({ kind: "tags", key }))],
    ["About", GROUPS_ABOUT.map((key) => ({ kind: "about", key }))],
  ];
  return (
    <select
      className="field group-by"
      aria-label="Group runs by"
      title="One line for all runs with the same value: their mean, between the least and the most"
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      <option value="">A line a run</option>
      {groups.map(
        ([title, names]) =>
          names.length > 0 && (
            <optgroup key={title} label={title}>
              {names.map((name) => (
                <option key={columnId(name)} value={columnId(name)}>
                  By {name.kind === "about" ? ABOUT_LABELS[name.key]?.toLowerCase() : columnLabel(name)}
                </option>
              ))}
            </optgroup>
          ),
      )}
    </select>
  );
}
