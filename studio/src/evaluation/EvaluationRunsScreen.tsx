import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { getRun, searchRuns } from "../api/mlflow.ts";
import { searchTraces, TRACE_ORDERS } from "../api/traces.ts";
import type { Trace } from "../api/traceTypes.ts";
import type { Run } from "../api/types.ts";
import { useUrlQuery } from "../app/location.ts";
import { experimentsHash, runHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { useExperimentName } from "../experiments/queries.ts";
import { ExperimentTabs } from "../parts/ExperimentTabs.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { Empty } from "../parts/States.tsx";
import { ComparedTable, SummaryTable } from "./ComparedTable.tsx";
import { comparedRows } from "./comparing.ts";

/** As MLflow's own pages have them in the address. */
const LEFT = "selectedRunUuid";
const RIGHT = "compareToRunUuid";
const PAGE_SIZE = 500;
const MOST_TRACES = 5000;
const MOST_RUNS = 200;

/** All traces of a run, as far as they can be looked at side by side. */
async function tracesOf(experimentId: string, runId: string, signal: AbortSignal): Promise<Trace[]> {
  const question = {
    experimentId,
    typed: "",
    state: "",
    withinMs: null,
    runId,
    sessionId: "",
    isOfAnySession: false,
    orderBy: TRACE_ORDERS[1],
  };
  const traces: Trace[] = [];
  let pageToken: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof searchTraces>> = await searchTraces(
      question,
      PAGE_SIZE,
      pageToken,
      signal,
    );
    traces.push(...page.items);
    pageToken = page.nextToken;
  } while (pageToken !== null && traces.length < MOST_TRACES);
  return traces;
}

/** The runs that can be chosen: the latest ones, and those in the address. */
function useChoices(experimentId: string, chosen: string[]) {
  return useQuery({
    queryKey: ["evaluation-choices", experimentId, chosen],
    queryFn: async ({ signal }) => {
      const question = {
        experimentIds: [experimentId],
        filter: "",
        lifecycle: "ACTIVE_ONLY" as const,
        orderBy: ["start_time DESC"],
        limit: MOST_RUNS,
        pageToken: null,
      };
      const found = (await searchRuns(question, signal)).items;
      const missing = chosen.filter((runId) => !found.some((run) => run.runId === runId));
      return [...found, ...(await Promise.all(missing.map((runId) => getRun(runId, signal))))];
    },
  });
}

/** Two evaluations of an experiment, request by request. */
export function EvaluationRunsScreen({ experimentId }: { experimentId: string }) {
  const name = useExperimentName(experimentId);
  const [query, change] = useUrlQuery();
  const [left, right] = [query.get(LEFT) ?? "", query.get(RIGHT) ?? ""];
  useDocumentTitle(`Evaluations of ${name}`);
  const choices = useChoices(experimentId, [left, right].filter(Boolean));
  return (
    <div className="page wide stack">
      <PageHead trail={[["Experiments", experimentsHash()]]} title={name} />
      <ExperimentTabs experimentId={experimentId} shown="Evaluations" />
      <Loaded query={choices} label="Loading runs">
        {(runs) => (
          <>
            <div className="fields-row">
              <RunChoice label="One run" runs={runs} value={left} onChange={(id) => change({ [LEFT]: id })} />
              <RunChoice
                label="Another run"
                runs={runs}
                value={right}
                onChange={(id) => change({ [RIGHT]: id })}
              />
            </div>
            {left && right ? (
              <Compared key={`${left} ${right}`} runs={runs} left={left} right={right} />
            ) : (
              <Empty title="Choose two runs">
                <p className="quiet">
                  What <code>mlflow.genai.evaluate</code> has logged in one and in the other stands side by
                  side here, request by request.
                </p>
                {left && <a href={runHash(experimentId, left, "traces")}>The traces of the one alone</a>}
              </Empty>
            )}
          </>
        )}
      </Loaded>
    </div>
  );
}

interface ChoiceProps {
  label: string;
  runs: Run[];
  value: string;
  onChange: (runId: string) => void;
}

function RunChoice({ label, runs, value, onChange }: ChoiceProps) {
  return (
    <label className="labelled">
      {label}
      <select className="field" value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">none</option>
        {runs.map((run) => (
          <option key={run.runId} value={run.runId}>
            {run.name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Compared({ runs, left, right }: { runs: Run[]; left: string; right: string }) {
  const [query, change] = useUrlQuery();
  const both = [left, right].map((runId) => runs.find((run) => run.runId === runId));
  const [one, other] = both;
  const found = useQuery({
    queryKey: ["compared-traces", left, right],
    queryFn: ({ signal }) =>
      Promise.all(both.map((run) => (run ? tracesOf(run.experimentId, run.runId, signal) : []))),
  });
  const rows = useMemo(
    () => found.data && comparedRows(found.data[0] ?? [], found.data[1] ?? []),
    [found.data],
  );
  if (!one || !other) return <Empty title="There is no such run" />;
  const names = [one.name, other.name === one.name ? `${other.name} (the other)` : other.name] as const;
  const isCut = found.data?.some(({ length }) => length >= MOST_TRACES);
  return (
    <Loaded query={found} label="Loading traces">
      {() => (
        <>
          {isCut && <p className="note">Of one of the two, only the first {MOST_TRACES} traces are here.</p>}
          <SummaryTable rows={rows ?? []} names={names} />
          <ComparedTable
            rows={rows ?? []}
            names={names}
            experimentId={one.experimentId}
            onlyDifferent={query.get("differing") === "true"}
            onChange={(isOn) => change({ differing: isOn ? "true" : null })}
          />
          <p className="row wrap">
            {[one, other].map((run) => (
              <a key={run.runId} className="wrap-anywhere" href={runHash(run.experimentId, run.runId)}>
                The run {run.name}
              </a>
            ))}
          </p>
        </>
      )}
    </Loaded>
  );
}
