import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { filterOf, quoted } from "../api/grammar.ts";
import { type RunQuestion, searchRuns } from "../api/mlflow.ts";
import type { Run } from "../api/types.ts";
import { orderBy } from "./columns.ts";
import type { RunsPage } from "./loadedPages.ts";
import { lifecycleOf, type TableSettings } from "./tableSettings.ts";
import { useFreshPages } from "./useFreshPages.ts";

const PAGE_ROWS = 100;
const HEAD_ROWS = 40;
const TAIL_ROWS = 60;
/** Nothing is cheap to ask for, and whoever looks at it waits for the first run. */
const EMPTY_MS = 500;
const BUSY_MS = 1000;
const QUIET_MS = 3000;

const isRunning = (run: Run) => run.status === "RUNNING";

/** New rows come in at the head: the first rows are asked again and again, more often while something runs. */
function useHead(question: RunQuestion, isEnabled: boolean) {
  return useQuery({
    queryKey: ["runs-head", question],
    queryFn: ({ signal }) => searchRuns({ ...question, limit: HEAD_ROWS }, signal),
    enabled: isEnabled,
    refetchInterval: ({ state }) => {
      if (state.data?.items.length === 0) return EMPTY_MS;
      return state.data?.items.some(isRunning) ? BUSY_MS : QUIET_MS;
    },
    retry: false,
  });
}

/** Rows further down that still run are asked for by name. */
function useRunningTail(question: RunQuestion, rows: Run[], head: Run[]) {
  const inHead = new Set(head.map((run) => run.runId));
  const runIds = rows
    .filter((run) => isRunning(run) && !inHead.has(run.runId))
    .slice(0, TAIL_ROWS)
    .map((run) => run.runId);
  const filter = `attributes.run_id IN (${runIds.map(quoted).join(", ")})`;
  return useQuery({
    queryKey: ["runs-tail", question.experimentIds, runIds],
    queryFn: ({ signal }) => searchRuns({ ...question, filter, limit: TAIL_ROWS }, signal),
    enabled: runIds.length > 0,
    refetchInterval: BUSY_MS,
    retry: false,
  });
}

/** Selected runs that are on no page yet, as when a link names them. */
export function useSelectedElsewhere(experimentId: string, rows: Run[], settings: TableSettings): Run[] {
  const loaded = new Set(rows.map((run) => run.runId));
  const runIds = settings.selected.filter((runId) => !loaded.has(runId)).slice(0, PAGE_ROWS);
  const { data } = useQuery({
    queryKey: ["runs-selected", experimentId, runIds],
    queryFn: ({ signal }) =>
      searchRuns(
        {
          experimentIds: [experimentId],
          filter: `attributes.run_id IN (${runIds.map(quoted).join(", ")})`,
          lifecycle: lifecycleOf(settings),
          orderBy: [],
          limit: PAGE_ROWS,
          pageToken: null,
        },
        signal,
      ),
    enabled: settings.pane === "compare" && rows.length > 0 && runIds.length > 0,
    refetchInterval: 5000,
    retry: false,
  });
  return useMemo(() => data?.items ?? [], [data]);
}

const idsOf = (runs: Run[]) => runs.map((run) => run.runId).join();

/** The rows of the table, page by page, kept fresh. */
export function useRuns(experimentId: string, settings: TableSettings) {
  const question = useMemo<RunQuestion>(
    () => ({
      experimentIds: [experimentId],
      filter: filterOf(settings.filter),
      lifecycle: lifecycleOf(settings),
      orderBy: orderBy(settings.order),
      limit: PAGE_ROWS,
      pageToken: null,
    }),
    [experimentId, settings],
  );
  const read = useCallback(
    async (pageToken: string | null, signal?: AbortSignal): Promise<RunsPage> => {
      const readMs = Date.now();
      return { ...(await searchRuns({ ...question, pageToken }, signal)), readMs };
    },
    [question],
  );
  const queryKey = ["runs", question];
  // To ask for all pages again, one after the other, is for changes that say nothing of where they are.
  const pages = useInfiniteQuery({
    queryKey,
    queryFn: ({ signal, pageParam }) => read(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextToken,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const { outdate, look } = useFreshPages({ queryKey, read, isLoaded: pages.isSuccess });
  const loaded = useMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? [], [pages.data]);
  const head = useHead(question, pages.isSuccess);
  const headRows = useMemo(() => head.data?.items ?? [], [head.data]);
  const tail = useRunningTail(question, loaded, headRows);

  // Other rows at the head than the pages have: somebody started, deleted or outran a run.
  const hasMoved = head.data !== undefined && idsOf(headRows) !== idsOf(loaded.slice(0, HEAD_ROWS));
  const { dataUpdatedAt } = head;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each answer of the head, never in a circle
  useEffect(() => {
    if (hasMoved) outdate();
  }, [hasMoved, dataUpdatedAt, outdate]);

  const fresh = useMemo(() => {
    const newer = new Map([...headRows, ...(tail.data?.items ?? [])].map((run) => [run.runId, run]));
    return newer.size === 0 ? loaded : loaded.map((run) => newer.get(run.runId) ?? run);
  }, [loaded, headRows, tail.data]);

  // While another filter or order is asked for, or was refused, the rows that were there stay.
  const kept = useRef<Run[]>([]);
  if (pages.isSuccess) kept.current = fresh;

  return {
    rows: kept.current,
    isPending: pages.isPending && kept.current.length === 0,
    isStale: !pages.isSuccess,
    error: pages.error,
    hasMore: pages.hasNextPage,
    isLoadingMore: pages.isFetchingNextPage,
    loadMore: () => void pages.fetchNextPage(),
    refetch: () => void pages.refetch(),
    look,
  };
}
