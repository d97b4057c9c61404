import { useQueryClient } from "@tanstack/react-query";
import { cancelJob, type Job } from "../api/jobs.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { plural } from "../parts/format.ts";

interface Props {
  jobs: Job[];
  onClose: () => void;
  onDone?: () => void;
}

/** Asks before jobs are ended. One after the other: a failure stops there, and those before it are ended. */
export function CancelDialog({ jobs, onClose, onDone }: Props) {
  const queries = useQueryClient();
  const [only] = jobs;
  const title =
    jobs.length === 1 && only ? `Cancel “${only.run_name}”?` : `Cancel ${plural(jobs.length, "job")}?`;
  return (
    <Dialog
      title={title}
      action={jobs.length === 1 ? "Cancel the job" : "Cancel the jobs"}
      isDanger
      dismiss="Keep running"
      onClose={onClose}
      onConfirm={async () => {
        try {
          for (const job of jobs) await cancelJob(job.run_id);
        } finally {
          await queries.invalidateQueries();
        }
        onDone?.();
      }}
    >
      <p>
        What waits is over at once. A script that runs gets SIGTERM, and ten seconds to end; its log and
        outputs are kept.
      </p>
    </Dialog>
  );
}
