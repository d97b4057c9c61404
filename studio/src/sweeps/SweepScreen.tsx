import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useMemo, useState } from "react";
import { may, useCaller } from "../api/caller.ts";
import { cancelSweep, type Sweep, type SweepWithWanted } from "../api/sweeps.ts";
import { computeTargetHash, experimentHash, runHash, sweepsHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { useExperimentNames } from "../jobs/queries.ts";
import { CopyButton } from "../parts/CopyButton.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { FactsCard } from "../parts/Facts.tsx";
import { duration, number } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { PairsCard } from "../parts/PairsCard.tsx";
import { shellWord } from "../parts/quoting.ts";
import { Duration, Time } from "../parts/Time.tsx";
import { beforeOf } from "../submit/newJob.ts";
import { SubmitButton } from "../submit/SubmitButton.tsx";
import { useSweep, useTrials } from "./queries.ts";
import { SweepCharts } from "./SweepCharts.tsx";
import { SweepPill } from "./SweepPill.tsx";
import { TrialsTable } from "./TrialsTable.tsx";
import { countsText, distributionText, isSweepOver, progressOf, SAMPLINGS, stoppingText } from "./words.ts";

/** One sweep: what it searches for, what it has found, and all its trials. */
export function SweepScreen({ runId }: { runId: string }) {
  const query = useSweep(runId);
  const sweep = query.data?.sweep;
  const trials = useTrials(runId, sweep);
  const all = useMemo(() => trials.data?.flatMap((page) => page.trials) ?? [], [trials.data]);
  useDocumentTitle(sweep?.run_name || "Sweep");
  return (
    <div className="page wide stack">
      <PageHead
        trail={[["Sweeps", sweepsHash()]]}
        here={sweep?.run_name || runId}
        title={sweep?.run_name || runId}
        marks={sweep && <Marks sweep={sweep} />}
        actions={query.data && <Actions found={query.data} />}
      />
      <Loaded query={query} label="Loading the sweep">
        {({ sweep: found }) => (
          <>
            {found.reason && <p className="note wrap-anywhere">{found.reason}</p>}
            <Loaded query={trials} label="Loading its trials">
              {() => (
                <>
                  <SweepCharts sweep={found} trials={all} />
                  <TrialsTable sweep={found} trials={all} />
                </>
              )}
            </Loaded>
            <div className="overview">
              <FactsCard facts={factsOf(found)} />
              <div className="stack">
                <PairsCard
                  title="Parameters"
                  empty=""
                  rows={Object.entries(found.parameters).map(([key, from]) => ({
                    key,
                    text: distributionText(from),
                  }))}
                />
                <ExperimentFacts sweep={found} />
              </div>
            </div>
          </>
        )}
      </Loaded>
    </div>
  );
}

function Marks({ sweep }: { sweep: Sweep }) {
  return (
    <>
      <SweepPill sweep={sweep} />
      <span className="number">{progressOf(sweep)} trials</span>
      <span className="row quiet">
        <code className="wide-only">{sweep.run_id}</code>
        <CopyButton text={sweep.run_id} label="Copy the sweep's ID" />
      </span>
    </>
  );
}

function Actions({ found }: { found: SweepWithWanted }) {
  const { sweep } = found;
  const before = useMemo(() => beforeOf(found), [found]);
  const caller = useCaller();
  const [isAsked, setIsAsked] = useState(false);
  return (
    <>
      {!isSweepOver(sweep) && may(caller, "CONTRIBUTE") && (
        <button type="button" className="button" disabled={sweep.is_closed} onClick={() => setIsAsked(true)}>
          <Icon name="ban" /> Cancel
        </button>
      )}
      {isSweepOver(sweep) && before && <SubmitButton kind="sweep" before={before} />}
      <a className="button" href={runHash(sweep.experiment_id, sweep.run_id)}>
        Its run
      </a>
      {isAsked && <CancelSweepDialog sweep={sweep} onClose={() => setIsAsked(false)} />}
    </>
  );
}

function CancelSweepDialog({ sweep, onClose }: { sweep: Sweep; onClose: () => void }) {
  const queries = useQueryClient();
  return (
    <Dialog
      title={`Cancel “${sweep.run_name}”?`}
      action="Cancel the sweep"
      isDanger
      dismiss="Keep running"
      onClose={onClose}
      onConfirm={async () => {
        await cancelSweep(sweep.run_id);
        await queries.invalidateQueries();
      }}
    >
      <p>
        No more trials are begun, and those that go on are ended. What trials have logged stays, and so does
        the best of them.
      </p>
    </Dialog>
  );
}

function factsOf(sweep: Sweep): [string, ReactNode][] {
  const words = sweep.script ? [sweep.script, ...sweep.arguments] : sweep.command;
  const { best } = sweep;
  return [
    ["Searches", `${sweep.goal} ${sweep.metric}`],
    [
      "Best",
      best !== null && best.value !== null && (
        <a key="best" href={runHash(sweep.experiment_id, best.run_id)}>
          {number(best.value)}, trial {best.number}
        </a>
      ),
    ],
    ["Trials", `${countsText(sweep.trials)}; ${sweep.max_trials} at most, ${sweep.max_concurrent} at a time`],
    ["Values are found", `${SAMPLINGS[sweep.sampling]}, from seed ${sweep.seed}`],
    ["Trials are ended early", stoppingText(sweep.stopping)],
    ["Runs", <code key="runs">{words.map(shellWord).join(" ")}</code>],
    [
      "Compute",
      <a key="compute" href={computeTargetHash(sweep.compute)}>
        {sweep.compute}
      </a>,
    ],
    ["At most", sweep.max_sweep_duration_s > 0 && duration(sweep.max_sweep_duration_s * 1000)],
    ["Submitted", <Time key="submitted" ms={sweep.submitted_ms} />],
    ["By", sweep.submitted_by],
    ["Duration", <Duration key="duration" startedMs={sweep.submitted_ms} endedMs={sweep.ended_ms} />],
  ];
}

function ExperimentFacts({ sweep }: { sweep: Sweep }) {
  const names = useExperimentNames();
  const id = sweep.experiment_id;
  return (
    <FactsCard
      title="Elsewhere"
      facts={[
        [
          "Experiment",
          <a key="experiment" href={experimentHash(id)}>
            {names.get(id) ?? `#${id}`}
          </a>,
        ],
        [
          "Sweeps",
          <a key="sweeps" href={sweepsHash({ experiment: id })}>
            all of this experiment
          </a>,
        ],
      ]}
    />
  );
}
