import { type FormEvent, useEffect, useId, useState } from "react";
import { Refused } from "../api/transport.ts";
import { IconButton } from "../parts/IconButton.tsx";

export const FILTER_ID = "runs-filter";
const EXAMPLE = "metrics.loss < 0.2 and params.model = 'ridge'";

const TITLE = "A condition in MLflow's search grammar, or a part of a run's name. Enter applies it.";

interface Props {
  id?: string;
  label?: string;
  example?: string;
  title?: string;
  value: string;
  error: unknown;
  onApply: (filter: string) => void;
}

/** MLflow's search grammar, or plain words. What the server has against it is said right here. */
export function FilterBox({
  id = FILTER_ID,
  label = "Filter runs",
  example = EXAMPLE,
  title = TITLE,
  value,
  error,
  onApply,
}: Props) {
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
            id={id}
            className="field mono grow"
            aria-label={label}
            placeholder={`Filter: ${example}`}
            title={title}
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
