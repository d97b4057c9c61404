import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import type { Sweep, Trial } from "../api/sweeps.ts";
import { useUrlQuery } from "../app/location.ts";
import { runHash } from "../app/route.ts";
import { number } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { Duration } from "../parts/Time.tsx";
import { TrialPill } from "./SweepPill.tsx";
import { type Order, ordered, orderOf } from "./trials.ts";

const ROW_PX = 36;
const ROWS_AHEAD = 12;

interface Column {
  title: string;
  order: Order;
  /** Which way it begins to be ordered. */
  isDescending?: boolean;
}

function columnsOf(sweep: Sweep, hasReasons: boolean): Column[] {
  return [
    { title: "Trial", order: "number" },
    { title: sweep.metric, order: "value", isDescending: sweep.goal === "maximize" },
    ...Object.keys(sweep.parameters).map((name) => ({ title: name, order: orderOf(name) })),
    { title: "State", order: "status" },
    { title: "Duration", order: "duration" },
    ...(hasReasons ? [{ title: "Reason", order: "reason" } as const] : []),
  ];
}

/** All trials, the best first unless another order is asked for; the order stands in the address. */
export function TrialsTable({ sweep, trials }: { sweep: Sweep; trials: Trial[] }) {
  const [query, change] = useUrlQuery();
  const scroller = useRef<HTMLDivElement>(null);
  const hasReasons = trials.some(({ reason }) => reason !== "");
  const columns = columnsOf(sweep, hasReasons);
  const first = columns.find(({ order }) => order === query.get("order"));
  const { order, isDescending: byDefault = false } = first ?? columns[1] ?? { order: "value" };
  const isDescending = query.has("down") ? query.get("down") === "1" : byDefault;
  const rows = useMemo(() => ordered(trials, order, isDescending, Date.now()), [trials, order, isDescending]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: ROWS_AHEAD,
  });
  const items = virtual.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);

  function sort(column: Column) {
    const isSame = column.order === order;
    const down = isSame ? !isDescending : (column.isDescending ?? false);
    change({ order: column.order, down: down ? "1" : "0" });
  }

  return (
    <section className="card" aria-label="Trials">
      <header className="row wrap">
        <h2 className="grow">
          Trials <span className="quiet number">{trials.length}</span>
        </h2>
      </header>
      {trials.length === 0 ? (
        <p className="quiet card-note">None were begun yet.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        <section ref={scroller} className="trials-scroll" tabIndex={0} aria-label="Trials, all rows">
          <table className="list middle trials" aria-rowcount={rows.length + 1}>
            <thead>
              <tr>
                {columns.map((column) => (
                  <th
                    key={column.order}
                    scope="col"
                    aria-sort={
                      column.order === order ? (isDescending ? "descending" : "ascending") : undefined
                    }
                  >
                    <button type="button" className="sort-head sorter" onClick={() => sort(column)}>
                      <span className="ellipsis trial-value" title={column.title}>
                        {column.title}
                      </span>
                      {column.order === order && <Icon name={isDescending ? "down" : "up"} size={11} />}
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {above > 0 && <tr style={{ height: above }} />}
              {items.map(({ index }) => {
                const trial = rows[index];
                return (
                  trial && (
                    <Row
                      key={trial.number}
                      sweep={sweep}
                      trial={trial}
                      index={index}
                      hasReasons={hasReasons}
                    />
                  )
                );
              })}
              {below > 0 && <tr style={{ height: below }} />}
            </tbody>
          </table>
        </section>
      )}
    </section>
  );
}

interface RowProps {
  sweep: Sweep;
  trial: Trial;
  index: number;
  hasReasons: boolean;
}

function Row({ sweep, trial, index, hasReasons }: RowProps) {
  const isBest = sweep.best?.number === trial.number;
  return (
    <tr className={isBest ? "best" : ""} aria-rowindex={index + 2} style={{ height: ROW_PX }}>
      <td className="nowrap">
        <a className="strong" href={runHash(sweep.experiment_id, trial.run_id)}>
          {trial.number}
        </a>
        {isBest && " best"}
      </td>
      <td className="number">{trial.value === null ? "–" : number(trial.value)}</td>
      {Object.keys(sweep.parameters).map((name) => (
        <td key={name} className="ellipsis trial-value" title={String(trial.parameters[name] ?? "")}>
          <ParameterText value={trial.parameters[name]} />
        </td>
      ))}
      <td className="nowrap">
        <TrialPill trial={trial} />
      </td>
      <td className="nowrap">
        <Duration startedMs={trial.started_ms} endedMs={trial.ended_ms} />
      </td>
      {hasReasons && (
        <td className="ellipsis trial-reason" title={trial.reason}>
          {trial.reason}
        </td>
      )}
    </tr>
  );
}

function ParameterText({ value }: { value: Trial["parameters"][string] | undefined }) {
  if (typeof value === "number") return <span className="number">{number(value)}</span>;
  return value === undefined ? "" : String(value);
}
