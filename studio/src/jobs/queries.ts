import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getJob, type JobQuestion, listJobs } from "../api/jobs.ts";
import { searchExperiments } from "../api/mlflow.ts";
import { isOver } from "./words.ts";

const PAGE_SIZE = 50;
/** While something goes on, and while nothing does; a tab that nobody sees asks for nothing. */
const LIVE_MS = 2000;
const QUIET_MS = 5000;

export function useJobs(question: JobQuestion) {
  return useInfiniteQuery({
    queryKey: ["jobs", question],
    queryFn: ({ signal, pageParam }) => listJobs(question, PAGE_SIZE, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) =>
      state.data?.pages.some((page) => page.jobs.some((job) => !isOver(job))) ? LIVE_MS : QUIET_MS,
  });
}

/** The job of a run; asked for only if the run is one. */
export function useJob(runId: string, isJob: boolean) {
  return useQuery({
    queryKey: ["job", runId],
    queryFn: ({ signal }) => getJob(runId, signal),
    enabled: isJob,
    refetchInterval: ({ state }) => (state.data && isOver(state.data.job) ? 15_000 : 1000),
  });
}

/** What experiments are called, by their ids: those that changed last, as many as a filter can offer. */
export function useExperimentNames(): ReadonlyMap<string, string> {
  const { data } = useQuery({
    queryKey: ["experiment-names"],
    queryFn: async ({ signal }) => {
      const page = await searchExperiments(
        { filter: "", lifecycle: "ALL", pageToken: null, orderBy: ["last_update_time DESC"] },
        signal,
      );
      return new Map(page.items.map(({ experimentId, name }) => [experimentId, name]));
    },
    staleTime: 10_000,
    refetchInterval: 30_000,
  });
  return data ?? NONE;
}

const NONE: ReadonlyMap<string, string> = new Map();
