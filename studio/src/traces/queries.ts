import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getSpans, getTrace, listTraceSessions, searchTraces, type TraceQuestion } from "../api/traces.ts";

const PAGE_SIZE = 50;
/** While something goes on, and while nothing does; a tab that nobody sees asks for nothing. */
const LIVE_MS = 2000;
const QUIET_MS = 5000;
const KEPT_MS = 15_000;

export function useTraces(question: TraceQuestion, pageSize = PAGE_SIZE) {
  return useInfiniteQuery({
    queryKey: ["traces", question, pageSize],
    queryFn: ({ signal, pageParam }) => searchTraces(question, pageSize, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextToken,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) =>
      state.data?.pages.some((page) => page.items.some((trace) => trace.state === "IN_PROGRESS"))
        ? LIVE_MS
        : QUIET_MS,
  });
}

export function useTraceSessions(experimentId: string) {
  return useInfiniteQuery({
    queryKey: ["trace-sessions", experimentId],
    queryFn: ({ signal, pageParam }) => listTraceSessions(experimentId, PAGE_SIZE, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextToken,
    refetchInterval: QUIET_MS,
  });
}

export function useTrace(traceId: string) {
  return useQuery({
    queryKey: ["trace", traceId],
    queryFn: ({ signal }) => getTrace(traceId, signal),
    refetchInterval: ({ state }) => (state.data?.state === "IN_PROGRESS" ? LIVE_MS : KEPT_MS),
  });
}

/** The spans of a trace; once it is over they stay as they are. */
export function useSpans(traceId: string, isLive: boolean) {
  return useQuery({
    queryKey: ["spans", traceId, isLive],
    queryFn: ({ signal }) => getSpans(traceId, signal),
    placeholderData: keepPreviousData,
    staleTime: isLive ? 0 : Number.POSITIVE_INFINITY,
    refetchInterval: isLive ? LIVE_MS : false,
  });
}
