import { TRACE_ORDERS, TRACE_STATES } from "../api/traces.ts";
import type { QueryChange } from "../app/location.ts";
import { FilterBox } from "../runs/FilterBox.tsx";
import { ORDER_TEXTS, PERIODS, STATE_LOOKS } from "./words.ts";

interface Props {
  query: URLSearchParams;
  error: unknown;
  change: (next: QueryChange) => void;
}

const STATES = [["", "Any state"], ...TRACE_STATES.map((state) => [state, STATE_LOOKS[state].text])] as const;
const SINCE = Object.entries(PERIODS).map(([word, { text }]) => [word, text] as const);
const ORDERS = TRACE_ORDERS.map((order) => [order, ORDER_TEXTS[order] ?? order] as const);

/** Narrows a list of traces down; all of it stands in the address. */
export function TraceFilters({ query, error, change }: Props) {
  return (
    <div className="row wrap trace-filters">
      <FilterBox
        id="traces-filter"
        label="Filter traces"
        example="span.type = 'LLM' and execution_time_ms > 500"
        title="A condition in MLflow's search grammar, or words of a trace's name or its spans. Enter applies it."
        value={query.get("filter") ?? ""}
        error={error}
        onApply={(filter) => change({ filter })}
      />
      <Choice
        label="State"
        value={query.get("state") ?? ""}
        choices={STATES}
        onChange={(state) => change({ state })}
      />
      <Choice
        label="Period"
        value={query.get("since") ?? ""}
        choices={SINCE}
        onChange={(since) => change({ since })}
      />
      <Choice
        label="Order"
        value={query.get("order") ?? TRACE_ORDERS[0]}
        choices={ORDERS}
        onChange={(order) => change({ order: order === TRACE_ORDERS[0] ? null : order })}
      />
    </div>
  );
}

function Choice(props: {
  label: string;
  value: string;
  choices: readonly (readonly [value: string, text: string] | readonly string[])[];
  onChange: (value: string) => void;
}) {
  return (
    <select
      className="field"
      aria-label={props.label}
      value={props.value}
      onChange={(event) => props.onChange(event.target.value)}
    >
      {props.choices.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  );
}
