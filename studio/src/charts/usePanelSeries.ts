import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import type { XAxis } from "../api/runyard.ts";
import { loadSeries } from "./loader.ts";
import type { Series } from "./series.ts";

const LIVE_MS = 500;
const SETTLED_MS = 60_000;

/** A stretch of the x axis. */
export type Zoom = readonly [number, number];

export interface PanelRun {
  runId: string;
  name: string;
  slot: number;
  isLive: boolean;
  /** What its line is drawn together with; null when it is drawn by itself. */
  group: string | null;
}

interface Question {
  runs: PanelRun[];
  metric: string;
  x: XAxis;
  zoom: Zoom | null;
  width: number;
}

const idsOf = (runs: PanelRun[], isLive: boolean) =>
  runs.filter((run) => run.isLive === isLive).map((run) => run.runId);

function useSeries(question: Question, isLive: boolean) {
  const runIds = idsOf(question.runs, isLive);
  const asked = {
    runIds,
    key: question.metric,
    x: question.x,
    start: question.zoom?.[0] ?? null,
    end: question.zoom?.[1] ?? null,
    width: question.width,
  };
  return useQuery({
    queryKey: ["series", asked],
    queryFn: () => loadSeries(asked),
    enabled: runIds.length > 0 && question.width > 0,
    staleTime: isLive ? 0 : SETTLED_MS,
    refetchInterval: isLive ? LIVE_MS : false,
    gcTime: 60_000,
  });
}

/**
 * The lines of one panel. Runs that still log are read again twice a second, the others once; while a new answer is on
 * its way, for a zoom or because a run has ended, the lines that were there stay.
 */
export function usePanelSeries(question: Question) {
  const live = useSeries(question, true);
  const settled = useSeries(question, false);
  const kept = useRef({ x: question.x, metric: question.metric, byRun: new Map<string, Series>() });
  const { runs, metric, x } = question;

  const series = useMemo(() => {
    if (kept.current.x !== x || kept.current.metric !== metric) {
      kept.current = { x, metric, byRun: new Map() };
    }
    const { byRun } = kept.current;
    for (const { isLive, data } of [
      { isLive: true, data: live.data },
      { isLive: false, data: settled.data },
    ]) {
      if (!data) continue;
      const answered = new Map(data.map((one) => [one.runId, one]));
      for (const runId of idsOf(runs, isLive)) {
        const one = answered.get(runId);
        if (one) byRun.set(runId, one);
        else byRun.delete(runId);
      }
    }
    return runs.flatMap(({ runId }) => byRun.get(runId) ?? []);
  }, [runs, metric, x, live.data, settled.data]);

  return {
    series,
    isPending: series.length === 0 && (live.isLoading || settled.isLoading),
    error: series.length === 0 ? (live.error ?? settled.error) : null,
    refetch: () => {
      void live.refetch();
      void settled.refetch();
    },
  };
}
