import { type FormEvent, useEffect, useId, useState } from "react";
import { Refused } from "../api/transport.ts";
import { IconButton } from "../parts/IconButton.tsx";

export const FILTER_ID = "runs-filter";
const EXAMPLE = "metrics.loss < 0.2 and params.model = 'ridge'";

/** MLflow's search grammar, or a part of a run's name. What the server has against it is said right here. */
export function FilterBox({
  value,
  error,
  onApply,
}: {
  value: string;
  error: unknown;
  onApply: (filter: string) => void;
}) {
  const [typed, setTyped] = useState(value);
  const errorId = useId();
  useEffect(() => setTyped(value), [value]);
  const refusal = error instanceof Refused && error.status === 400 ? error.message : null;

  function submit(event: FormEvent) {
    event.preventDefault();
    onApply(typed.trim());
  }

  return (
    <search className="filter">
      <form onSubmit={submit}>
        <div className="row">
          <input
            id={FILTER_ID}
            className="field mono grow"
            aria-label="Filter runs"
            placeholder={`Filter: ${EXAMPLE}`}
            title="A condition in MLflow's search grammar, or a part of a run's name. Enter applies it."
            spellCheck={false}
            autoComplete="off"
            value={typed}
            aria-invalid={refusal !== null}
            aria-describedby={refusal ? errorId : undefined}
            onChange={(event) => setTyped(event.target.value)}
            onBlur={() => typed.trim() !== value && onApply(typed.trim())}
            onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
          />
          {value && <IconButton icon="close" label="Clear the filter" onClick={() => onApply("")} />}
        </div>
        {refusal && (
          <p id={errorId} className="note bad wrap-anywhere" role="alert">
            {refusal}
          </p>
        )}
      </form>
    </search>
  );
}
