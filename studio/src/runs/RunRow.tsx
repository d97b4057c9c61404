import { memo } from "react";
import type { Run } from "../api/types.ts";
import { runHash } from "../app/route.ts";
import { useTheme } from "../app/theme.ts";
import { colour } from "../charts/palette.ts";
import { number } from "../parts/format.ts";
import { IconButton } from "../parts/IconButton.tsx";
import { StatusPill } from "../parts/StatusPill.tsx";
import { Duration, Time } from "../parts/Time.tsx";
import { columnName, NAME_COLUMN } from "./columns.ts";
import type { TableActions } from "./RunsTable.tsx";
import type { Place } from "./useColumnsInSight.ts";

interface Props {
  run: Run;
  index: number;
  places: Place[];
  slot: number | null;
  isVisible: boolean;
  isSelected: boolean;
  isActive: boolean;
  actions: TableActions;
}

function AboutCell({ run, aspect }: { run: Run; aspect: string }) {
  switch (aspect) {
    case "status":
      return <StatusPill status={run.status} isDeleted={run.isDeleted} />;
    case "start_time":
      return <Time ms={run.startedMs} isRelative />;
    case "end_time":
      return <Time ms={run.endedMs} isRelative />;
    case "duration":
      return <Duration startedMs={run.startedMs} endedMs={run.endedMs} />;
    case "user_id":
      return run.user;
    case "source":
      return run.tags.get("mlflow.source.name") ?? "";
    default:
      return <span className="mono">{run.runId}</span>;
  }
}

const Cell = memo(function Cell({ run, id }: { run: Run; id: string }) {
  const name = columnName(id);
  if (!name) return null;
  if (name.kind === "about") return <AboutCell run={run} aspect={name.key} />;
  if (name.kind === "metrics") {
    const metric = run.metrics.get(name.key);
    if (!metric) return <span className="quiet">–</span>;
    return (
      <span className="number" title={`${metric.value} at step ${metric.step}`}>
        {number(metric.value)}
      </span>
    );
  }
  const text = (name.kind === "params" ? run.params : run.tags).get(name.key);
  return text === undefined ? <span className="quiet">–</span> : <span title={text}>{text}</span>;
});

const NameCell = memo(function NameCell({
  run,
  slot,
  isVisible,
  isSelected,
  actions,
}: Omit<Props, "index" | "places" | "isActive">) {
  const theme = useTheme();
  return (
    <span className="row">
      <input
        type="checkbox"
        aria-label={`Select ${run.name}`}
        checked={isSelected}
        onChange={() => undefined}
        onClick={(event) => actions.select(run.runId, event.shiftKey)}
      />
      <IconButton
        icon={isVisible ? "eye" : "eyeOff"}
        label={isVisible ? `Hide ${run.name} on the charts` : `Show ${run.name} on the charts`}
        aria-pressed={isVisible}
        className="eye"
        onClick={() => actions.toggleEye(run.runId)}
      />
      <span
        className="dot"
        style={
          slot !== null && isVisible
            ? { background: colour(slot, theme) }
            : { background: "var(--surface-3)" }
        }
      />
      <a className="ellipsis grow" href={runHash(run.experimentId, run.runId)} title={run.name}>
        {run.name}
      </a>
    </span>
  );
});

export const RunRow = memo(function RunRow(props: Props) {
  const { run, index, places, isSelected, isActive, actions } = props;
  const isNumber = (id: string) => id.startsWith("metrics.");
  return (
    <tr
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      className={isActive ? "active" : undefined}
      onMouseDown={() => actions.activate(run.runId)}
    >
      {places.map(({ id, index: column, style, isPinned }) =>
        id === null ? (
          <td key={column} aria-hidden="true" style={style} />
        ) : (
          <td
            key={id}
            aria-colindex={column}
            style={style}
            className={`${isPinned ? "pinned" : ""} ${isNumber(id) ? "end" : ""}`}
          >
            {id === NAME_COLUMN ? (
              <NameCell
                run={run}
                slot={props.slot}
                isVisible={props.isVisible}
                isSelected={isSelected}
                actions={actions}
              />
            ) : (
              <Cell run={run} id={id} />
            )}
          </td>
        ),
      )}
    </tr>
  );
});
