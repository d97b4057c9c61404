import type { Job } from "../api/jobs.ts";
import { isOver, STATUS_LOOKS } from "./words.ts";

/** Where a job is in its life. */
export function JobPill({ job }: { job: Pick<Job, "status" | "is_cancel_requested"> }) {
  const look = STATUS_LOOKS[job.status] ?? { tone: "", text: job.status };
  const isEnding = job.is_cancel_requested && !isOver(job);
  return (
    <span className={`pill ${isEnding ? "warn" : look.tone}`}>
      <span className="mark" />
      {isEnding ? "Being canceled" : look.text}
    </span>
  );
}
