import { useState } from "react";
import { may, useCaller } from "../api/caller.ts";
import type { Job, JobQuestion } from "../api/jobs.ts";
import { useUrlQuery } from "../app/location.ts";
import { useDocumentTitle } from "../app/title.ts";
import { plural } from "../parts/format.ts";
import { addressOnScreen } from "../parts/Lines.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Snippet } from "../parts/Snippet.tsx";
import { Empty } from "../parts/States.tsx";
import { listOrderOf, listOrderText, orderByOf } from "../parts/sorting.ts";
import { SubmitButton } from "../submit/SubmitButton.tsx";
import { CancelDialog } from "./CancelDialog.tsx";
import { JobFilters } from "./JobFilters.tsx";
import { JobsTable } from "./JobsTable.tsx";
import { useExperimentNames, useJobs } from "./queries.ts";
import { Tabs } from "./Tabs.tsx";
import { isOver, submitInPython, submitInShell } from "./words.ts";

const SORTED = {
  Job: "run_name",
  State: "status",
  Compute: "compute",
  Submitted: "submitted_ms",
  Duration: "duration_ms",
  By: "submitted_by",
};
const LATEST = { key: SORTED.Submitted, isDescending: true };

/** All jobs of the workspace, unless sorted the latest first. */
export function JobsScreen() {
  useDocumentTitle("Jobs");
  const [query, change] = useUrlQuery();
  const names = useExperimentNames();
  const caller = useCaller();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const question: JobQuestion = {
    statuses: query.get("status") ?? "",
    compute: query.get("compute") ?? "",
    experimentId: query.get("experiment") ?? "",
    text: query.get("search") ?? "",
  };
  const order = listOrderOf(query.get("order"), Object.values(SORTED), LATEST);
  const found = useJobs({ ...question, orderBy: orderByOf(order) });
  const isFiltered = Object.values(question).some(Boolean);

  function toggle(runId: string) {
    const next = new Set(selected);
    if (!next.delete(runId)) next.add(runId);
    setSelected(next);
  }

  return (
    <div className="page wide stack">
      <div className="title">
        <h1>Jobs</h1>
        <span className="grow" />
        <Tabs shown="Jobs" />
        <SubmitButton />
      </div>
      <JobFilters question={question} names={names} change={change} />
      <Loaded query={found} label="Loading jobs">
        {(data) => {
          const jobs = data.pages.flatMap((page) => page.jobs);
          const chosen = jobs.filter((job) => selected.has(job.run_id) && !isOver(job));
          return (
            <>
              {chosen.length > 0 && <Chosen jobs={chosen} onClear={() => setSelected(new Set())} />}
              <JobsTable
                title="Jobs"
                jobs={jobs}
                names={names}
                sorting={{ keys: SORTED, order, onSort: (next) => change({ order: listOrderText(next) }) }}
                {...(may(caller, "CONTRIBUTE") ? { selection: { selected, toggle } } : {})}
                instead={
                  jobs.length === 0 &&
                  (isFiltered ? (
                    <Empty title="No job matches">
                      <button
                        type="button"
                        className="button"
                        onClick={() =>
                          change({ status: null, compute: null, experiment: null, search: null })
                        }
                      >
                        Show all jobs
                      </button>
                    </Empty>
                  ) : (
                    <NoJobs />
                  ))
                }
              />
              {found.hasNextPage && (
                <button type="button" className="button" onClick={() => void found.fetchNextPage()}>
                  Show more
                </button>
              )}
            </>
          );
        }}
      </Loaded>
    </div>
  );
}

/** What can be done with the chosen jobs. */
function Chosen({ jobs, onClear }: { jobs: Job[]; onClear: () => void }) {
  const [isAsked, setIsAsked] = useState(false);
  return (
    <section className="card bulk row wrap" aria-label="Selected jobs">
      <strong>{plural(jobs.length, "job")} selected</strong>
      <button type="button" className="button small danger" onClick={() => setIsAsked(true)}>
        Cancel
      </button>
      <button type="button" className="button small bare" onClick={onClear}>
        Clear
      </button>
      {isAsked && <CancelDialog jobs={jobs} onClose={() => setIsAsked(false)} onDone={onClear} />}
    </section>
  );
}

function NoJobs() {
  return (
    <Empty title="No jobs yet">
      <p className="quiet">
        A job runs where the workspace has a place for it, without your machine. From a folder with a script
        in it:
      </p>
      <Snippet code={submitInShell(addressOnScreen())} />
      <p className="quiet">or from Python:</p>
      <Snippet code={submitInPython(addressOnScreen())} />
    </Empty>
  );
}
