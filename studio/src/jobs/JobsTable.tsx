import type { ReactNode } from "react";
import type { Job } from "../api/jobs.ts";
import { computeTargetHash, experimentHash, runHash } from "../app/route.ts";
import type { Sorting } from "../parts/sorting.ts";
import { TableCard } from "../parts/TableCard.tsx";
import { Duration, Time } from "../parts/Time.tsx";
import { JobPill } from "./JobPill.tsx";
import { isOver, lineOf, whyOf } from "./words.ts";

interface Props {
  title: string;
  jobs: Job[];
  names: ReadonlyMap<string, string>;
  hasCompute?: boolean;
  /** What the jobs can be sorted by, if by anything. */
  sorting?: Sorting;
  instead?: ReactNode;
  /** Which rows are chosen; without it none can be. */
  selection?: { selected: ReadonlySet<string>; toggle: (runId: string) => void };
}

/** Jobs, one a line. */
export function JobsTable({ title, jobs, names, hasCompute = true, sorting, instead, selection }: Props) {
  const columns = [
    ...(selection ? ["-Select"] : []),
    "Job",
    "State",
    ...(hasCompute ? ["Compute"] : []),
    "Experiment",
    "Submitted",
    "Duration",
    "By",
  ];
  return (
    <TableCard title={title} columns={columns} {...(sorting ? { sorting } : {})} instead={instead}>
      {jobs.map((job) => (
        <tr key={job.run_id}>
          {selection && (
            <td className="select">
              {!isOver(job) && (
                <input
                  type="checkbox"
                  aria-label={`Select ${job.run_name}`}
                  checked={selection.selected.has(job.run_id)}
                  onChange={() => selection.toggle(job.run_id)}
                />
              )}
            </td>
          )}
          <td className="job-name">
            <a className="strong wrap-anywhere" href={runHash(job.experiment_id, job.run_id)}>
              {job.run_name}
            </a>
            <div className="quiet mono ellipsis" title={lineOf(job)}>
              {lineOf(job)}
            </div>
          </td>
          <td className="job-state">
            <JobPill job={job} />
            {whyOf(job) && (
              <div className="quiet job-why" title={whyOf(job)}>
                {whyOf(job)}
              </div>
            )}
          </td>
          {hasCompute && (
            <td>
              <a href={computeTargetHash(job.compute)}>{job.compute}</a>
              {job.slots > 1 && <div className="quiet">{job.slots} slots</div>}
            </td>
          )}
          <td>
            <a className="wrap-anywhere" href={experimentHash(job.experiment_id)}>
              {names.get(job.experiment_id) ?? `#${job.experiment_id}`}
            </a>
          </td>
          <td className="nowrap">
            <Time ms={job.submitted_ms} isRelative />
          </td>
          <td className="nowrap">
            <Duration startedMs={job.started_ms} endedMs={job.ended_ms} />
          </td>
          <td className="wrap-anywhere">{job.submitted_by}</td>
        </tr>
      ))}
    </TableCard>
  );
}
