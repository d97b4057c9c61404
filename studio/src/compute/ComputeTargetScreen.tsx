import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { type ComputeTarget, getComputeTarget, type TargetKind } from "../api/compute.ts";
import { listJobs } from "../api/jobs.ts";
import { computeHash, jobsHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { JobsTable } from "../jobs/JobsTable.tsx";
import { useExperimentNames } from "../jobs/queries.ts";
import { FactsCard } from "../parts/Facts.tsx";
import { addressOnScreen, Lines } from "../parts/Lines.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { PairsCard } from "../parts/PairsCard.tsx";
import { Time } from "../parts/Time.tsx";
import { useTargetKinds } from "./queries.ts";
import { SlotBar, TargetPill } from "./SlotBar.tsx";
import { TargetActions } from "./TargetActions.tsx";
import { isUnreachable, kindName, settingsOf, targetInPython, targetInShell } from "./words.ts";

const REFRESH_MS = 2000;
const MOST_JOBS = 200;

/** One compute target: what runs on it, what waits for it, and what is known of it. */
export function ComputeTargetScreen({ name }: { name: string }) {
  useDocumentTitle(name);
  const query = useQuery({
    queryKey: ["compute-targets", name],
    queryFn: ({ signal }) => getComputeTarget(name, signal),
    refetchInterval: REFRESH_MS,
  });
  const target = query.data;
  const kinds = useTargetKinds();
  return (
    <div className="page stack">
      <PageHead
        trail={[["Compute", computeHash()]]}
        here={name}
        title={name}
        marks={target && <TargetPill target={target} />}
        actions={target && <TargetActions target={target} />}
      />
      <Loaded query={query} label="Loading the compute target">
        {(found) => (
          <>
            {found.description && <p className="wrap-anywhere">{found.description}</p>}
            {isUnreachable(found) && <Unreachable target={found} />}
            <ActiveJobs name={name} />
            <div className="overview">
              <div className="stack">
                <FactsCard facts={factsOf(found, kinds)} />
                <PairsCard
                  title="Tags"
                  empty="No tags were set."
                  rows={Object.entries(found.tags).map(([key, text]) => ({ key, text }))}
                />
              </div>
              <Lines
                python={targetInPython(addressOnScreen(), name)}
                shell={targetInShell(addressOnScreen(), name)}
              />
            </div>
          </>
        )}
      </Loaded>
    </div>
  );
}

/** Since when the server can't reach it, and what that means. */
function Unreachable({ target }: { target: ComputeTarget }) {
  return (
    <div className="note bad" role="status">
      <p className="wrap-anywhere">
        Unreachable since <Time ms={target.unreachable_since_ms ?? null} />: {target.unreachable_reason} Jobs
        wait for it, and those that run there may go on. The server tries again every few seconds while jobs
        need it, else once a minute.
      </p>
    </div>
  );
}

function factsOf(found: ComputeTarget, kinds: TargetKind[]): [string, ReactNode][] {
  return [
    ["Kind", kindName(found.kind, kinds)],
    ["Slots", <SlotBar key="slots" target={found} />],
    ["Jobs waiting", found.jobs_waiting],
    ...settingsOf(found),
    ["Credential", found.has_credential && "kept, encrypted"],
    ["Created", !found.is_built_in && <Time key="created" ms={found.created_ms} />],
    ["By", found.created_by],
    [
      "Jobs",
      <a key="jobs" href={jobsHash({ compute: found.name })}>
        all that were sent here
      </a>,
    ],
  ];
}

/** What runs, and what waits in the order in which it is begun. */
function ActiveJobs({ name }: { name: string }) {
  const names = useExperimentNames();
  const query = useQuery({
    queryKey: ["jobs", "of-target", name],
    queryFn: ({ signal }) =>
      listJobs({ statuses: "active", compute: name, experimentId: "", text: "" }, MOST_JOBS, null, signal),
    refetchInterval: REFRESH_MS,
  });
  return (
    <Loaded query={query} label="Loading its jobs">
      {({ jobs }) => {
        const running = jobs.filter((job) => job.position === null);
        const waiting = jobs
          .filter((job) => job.position !== null)
          .sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
        return (
          <>
            <JobsTable
              title="Running"
              jobs={running}
              names={names}
              hasCompute={false}
              instead={running.length === 0 && <p className="quiet card-note">Nothing runs here now.</p>}
            />
            {waiting.length > 0 && (
              <JobsTable title="Queue" jobs={waiting} names={names} hasCompute={false} />
            )}
          </>
        );
      }}
    </Loaded>
  );
}
