import { useMemo, useRef } from "react";
import type { Run } from "../api/types.ts";
import { slots } from "../charts/palette.ts";
import type { PanelRun } from "../charts/usePanelSeries.ts";
import { byName } from "./columns.ts";
import { groupOf } from "./grouping.ts";
import { visibleIds } from "./selection.ts";
import type { TableSettings } from "./tableSettings.ts";
import { useSteady } from "./useSteady.ts";

/** Which runs are on the charts, in which colours, with which metrics. */
export function useShownRuns(rows: Run[], elsewhere: Run[], settings: TableSettings) {
  const { eyes, limit, pane, selected, groupBy } = settings;
  const visible = useMemo(
    () =>
      visibleIds(
        rows.map((run) => run.runId),
        eyes,
        limit,
      ),
    [rows, eyes, limit],
  );
  const chosen = useMemo(() => {
    const wanted = new Set(pane === "compare" ? selected : visible);
    const loaded = rows.filter((run) => wanted.has(run.runId));
    const isLoaded = new Set(loaded.map((run) => run.runId));
    return [...loaded, ...elsewhere.filter((run) => wanted.has(run.runId) && !isLoaded.has(run.runId))];
  }, [rows, elsewhere, pane, selected, visible]);

  const known = useRef<ReadonlyMap<string, number>>(new Map());
  const coloured = useMemo(() => {
    const wanted = new Set(visible);
    const drawn = new Map(
      [...rows.filter((run) => wanted.has(run.runId)), ...chosen].map((run) => [run.runId, run]),
    );
    const coats = new Map([...drawn].map(([runId, run]) => [runId, groupOf(run, groupBy) ?? runId]));
    const given = slots([...new Set(coats.values())], known.current);
    known.current = new Map([...known.current, ...given]);
    return new Map([...coats].map(([runId, coat]) => [runId, given.get(coat) ?? 0]));
  }, [rows, visible, chosen, groupBy]);

  const panelRuns = useSteady(
    chosen.map(
      (run): PanelRun => ({
        runId: run.runId,
        name: run.name,
        slot: coloured.get(run.runId) ?? 0,
        isLive: run.status === "RUNNING",
        group: groupOf(run, groupBy),
      }),
    ),
  );
  const metrics = useSteady([...new Set(chosen.flatMap((run) => [...run.metrics.keys()]))].sort(byName));
  return { visible: useSteady(visible), chosen, slots: coloured, panelRuns, metrics };
}
