import type { Sweep } from "../api/sweeps.ts";
import { useUrlQuery } from "../app/location.ts";
import { experimentHash, sweepHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { useExperimentNames } from "../jobs/queries.ts";
import { Tabs } from "../jobs/Tabs.tsx";
import { number } from "../parts/format.ts";
import { addressOnScreen } from "../parts/Lines.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Snippet } from "../parts/Snippet.tsx";
import { Empty } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { Duration, Time } from "../parts/Time.tsx";
import { SubmitButton } from "../submit/SubmitButton.tsx";
import { useSweeps } from "./queries.ts";
import { SweepPill } from "./SweepPill.tsx";
import { progressOf, sweepInPython, sweepInShell } from "./words.ts";

const COLUMNS = [
  "Sweep",
  "State",
  "Searches",
  "Best",
  "Trials",
  "~Experiment",
  "Submitted",
  "Duration",
  "By",
];

/** All sweeps of the workspace or of an experiment, the latest first. */
export function SweepsScreen() {
  useDocumentTitle("Sweeps");
  const [query, change] = useUrlQuery();
  const names = useExperimentNames();
  const experimentId = query.get("experiment") ?? "";
  const found = useSweeps(experimentId);
  return (
    <div className="page wide stack">
      <div className="title">
        <h1>Sweeps</h1>
        <span className="grow" />
        <Tabs shown="Sweeps" />
        <SubmitButton kind="sweep" />
      </div>
      <p className="quiet">
        A sweep runs one job with other values of its parameters each, in search of the best of a metric.
      </p>
      {experimentId && (
        <p className="row wrap">
          Of the experiment {names.get(experimentId) ?? `#${experimentId}`}
          <button type="button" className="button small" onClick={() => change({ experiment: null })}>
            Show all
          </button>
        </p>
      )}
      <Loaded query={found} label="Loading sweeps">
        {(data) => {
          const sweeps = data.pages.flatMap((page) => page.sweeps);
          return (
            <TableCard title="Sweeps" columns={COLUMNS} instead={sweeps.length === 0 && <NoSweeps />}>
              {sweeps.map((sweep) => (
                <Row key={sweep.run_id} sweep={sweep} names={names} />
              ))}
            </TableCard>
          );
        }}
      </Loaded>
      {found.hasNextPage && (
        <button type="button" className="button" onClick={() => void found.fetchNextPage()}>
          Show more
        </button>
      )}
    </div>
  );
}

function Row({ sweep, names }: { sweep: Sweep; names: ReadonlyMap<string, string> }) {
  return (
    <tr>
      <td className="job-name">
        <a className="strong wrap-anywhere" href={sweepHash(sweep.run_id)}>
          {sweep.run_name || sweep.run_id}
        </a>
      </td>
      <td className="job-state">
        <SweepPill sweep={sweep} />
        {sweep.reason && <div className="quiet wrap-anywhere">{sweep.reason}</div>}
      </td>
      <td className="wrap-anywhere">
        {sweep.goal} <span className="mono">{sweep.metric}</span>
      </td>
      <td className="number">{sweep.best_value === null ? "–" : number(sweep.best_value)}</td>
      <td className="number nowrap">{progressOf(sweep)}</td>
      <td className="wide-only">
        <a className="wrap-anywhere" href={experimentHash(sweep.experiment_id)}>
          {names.get(sweep.experiment_id) ?? `#${sweep.experiment_id}`}
        </a>
      </td>
      <td className="nowrap">
        <Time ms={sweep.submitted_ms} isRelative />
      </td>
      <td className="nowrap">
        <Duration startedMs={sweep.submitted_ms} endedMs={sweep.ended_ms} />
      </td>
      <td className="wrap-anywhere">{sweep.submitted_by}</td>
    </tr>
  );
}

function NoSweeps() {
  return (
    <Empty title="No sweeps yet">
      <p className="quiet">From a job file with a table `sweep` in it:</p>
      <Snippet code={sweepInShell(addressOnScreen())} />
      <p className="quiet">or from Python:</p>
      <Snippet code={sweepInPython(addressOnScreen())} />
    </Empty>
  );
}
