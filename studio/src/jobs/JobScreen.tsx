import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { getJob } from "../api/jobs.ts";
import { go } from "../app/location.ts";
import { runHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { Loaded } from "../parts/Loaded.tsx";
import { Skeleton } from "../parts/States.tsx";

/** A job's page is that of its run, which is found by the job. */
export function JobScreen({ runId }: { runId: string }) {
  useDocumentTitle("Job");
  const query = useQuery({
    queryKey: ["job", runId],
    queryFn: ({ signal }) => getJob(runId, signal),
  });
  const job = query.data?.job;
  useEffect(() => {
    if (job) go(runHash(job.experiment_id, job.run_id), { replace: true });
  }, [job]);
  return (
    <div className="page">
      <Loaded query={query} label="Loading the job">
        {() => <Skeleton label="Loading the job's run" />}
      </Loaded>
    </div>
  );
}
