import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { getSweep, listSweeps, listTrials, type Sweep, type TrialsPage } from "../api/sweeps.ts";
import { allTrials, hasMore } from "./trials.ts";
import { isSweepOver } from "./words.ts";

/** While trials run, and while nothing does; a tab that nobody sees asks for nothing. */
const LIVE_MS = 2000;
const QUIET_MS = 15_000;

export function useSweeps(experimentId: string) {
  return useInfiniteQuery({
    queryKey: ["sweeps", experimentId],
    queryFn: ({ signal, pageParam }) => listSweeps(experimentId, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
    refetchInterval: ({ state }) =>
      state.data?.pages.some((page) => page.sweeps.some((sweep) => !isSweepOver(sweep))) ? LIVE_MS : QUIET_MS,
  });
}

export function useSweep(runId: string) {
  return useQuery({
    queryKey: ["sweep", runId],
    queryFn: ({ signal }) => getSweep(runId, signal),
    refetchInterval: ({ state }) => (state.data && isSweepOver(state.data.sweep) ? QUIET_MS : LIVE_MS),
  });
}

/** All trials of a sweep, as it was told last: what a sweep that is over still lacks here is fetched at once. */
export function useTrials(runId: string, sweep: Sweep | undefined) {
  const queries = useQueryClient();
  const queryKey = ["sweep-trials", runId];
  return useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      allTrials(queries.getQueryData<TrialsPage[]>(queryKey) ?? [], (token) =>
        listTrials(runId, token, signal),
      ),
    refetchInterval: ({ state }) => (hasMore(state.data, sweep) ? LIVE_MS : QUIET_MS),
  });
}
