import { useQuery } from "@tanstack/react-query";
import { listComputeTargets } from "../api/compute.ts";
import type { JobQuestion } from "../api/jobs.ts";
import type { QueryChange } from "../app/location.ts";
import { SearchField } from "../parts/SearchField.tsx";
import { STATUS_CHOICES } from "./words.ts";

interface Props {
  question: JobQuestion;
  names: ReadonlyMap<string, string>;
  change: (next: QueryChange) => void;
}

/** Narrows the list down; all of it stands in the address. */
export function JobFilters({ question, names, change }: Props) {
  const { data: targets = [] } = useQuery({
    queryKey: ["compute-targets"],
    queryFn: ({ signal }) => listComputeTargets(signal),
    staleTime: 10_000,
  });
  return (
    <div className="row wrap">
      <SearchField
        label="Search jobs by name, script or person"
        value={question.text}
        onChange={(text) => change({ search: text })}
      />
      <Choice
        label="State"
        value={question.statuses}
        choices={STATUS_CHOICES}
        onChange={(word) => change({ status: word })}
      />
      <Choice
        label="Compute target"
        value={question.compute}
        choices={[["", "All compute"], ...targets.map(({ name }) => [name, name] as const)]}
        onChange={(name) => change({ compute: name })}
      />
      <Choice
        label="Experiment"
        value={question.experimentId}
        choices={[["", "All experiments"], ...names]}
        onChange={(experimentId) => change({ experiment: experimentId })}
      />
    </div>
  );
}

function Choice(props: {
  label: string;
  value: string;
  choices: readonly (readonly [value: string, text: string])[];
  onChange: (value: string) => void;
}) {
  const { label, value, choices, onChange } = props;
  const isKnown = choices.some(([one]) => one === value);
  return (
    <select
      className="field job-filter"
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      {!isKnown && <option value={value}>{value}</option>}
      {choices.map(([one, text]) => (
        <option key={one} value={one}>
          {text}
        </option>
      ))}
    </select>
  );
}
