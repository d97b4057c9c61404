import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { containing } from "../api/grammar.ts";
import { getExperiment, type Lifecycle, searchExperiments, searchRuns } from "../api/mlflow.ts";
import type { Experiment } from "../api/types.ts";
import { type ListOrder, orderByOf } from "../parts/sorting.ts";

/** What experiments are sorted by, by the columns of their list. */
export const SORTED = { Name: "name", Changed: "last_update_time", Created: "creation_time" };
export const LAST_CHANGED = { key: SORTED.Changed, isDescending: true };
const REFRESH_MS = 5000;

export function useExperiments(text: string, lifecycle: Lifecycle, order: ListOrder) {
  return useInfiniteQuery({
    queryKey: ["experiments", text, lifecycle, order],
    queryFn: ({ signal, pageParam }) =>
      searchExperiments(
        {
          filter: text ? containing("name", text) : "",
          lifecycle,
          orderBy: [orderByOf(order)],
          pageToken: pageParam,
        },
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextToken,
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });
}

/** The newest run of an experiment: one row, so that a list can show what happened last. */
export function useNewestRun(experiment: Experiment) {
  return useQuery({
    queryKey: ["newest-run", experiment.experimentId],
    queryFn: async ({ signal }) => {
      const page = await searchRuns(
        {
          experimentIds: [experiment.experimentId],
          filter: "",
          lifecycle: "ACTIVE_ONLY",
          orderBy: ["attributes.start_time DESC"],
          limit: 1,
          pageToken: null,
        },
        signal,
      );
      return page.items[0] ?? null;
    },
    enabled: !experiment.isDeleted,
    staleTime: 10_000,
    refetchInterval: 10_000,
  });
}

/** What an experiment is called; its id until that is known. */
export function useExperimentName(experimentId: string): string {
  const { data } = useQuery({
    queryKey: ["experiment", experimentId],
    queryFn: ({ signal }) => getExperiment(experimentId, signal),
    staleTime: 60_000,
  });
  return data?.name ?? `Experiment ${experimentId}`;
}
