import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useRef, useState } from "react";
import { trackingUri } from "../api/address.ts";
import { getExperiment } from "../api/mlflow.ts";
import { Refused } from "../api/transport.ts";
import { go } from "../app/location.ts";
import { experimentsHash, runHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { ExperimentTabs } from "../parts/ExperimentTabs.tsx";
import { Snippet } from "../parts/Snippet.tsx";
import { Empty, Failure, Skeleton } from "../parts/States.tsx";
import { BulkBar } from "./BulkBar.tsx";
import { ChartsPane } from "./ChartsPane.tsx";
import { CompareTable } from "./ComparePane.tsx";
import { firstColumns, knownKeys } from "./columns.ts";
import { FILTER_ID } from "./FilterBox.tsx";
import { RunsTable, type TableActions } from "./RunsTable.tsx";
import { RunsToolbar } from "./RunsToolbar.tsx";
import { ShareLink } from "./ShareLink.tsx";
import { Split } from "./Split.tsx";
import { eyeToggled, moved, toggled, toggledRange } from "./selection.ts";
import { useTableSettings } from "./tableSettings.ts";
import { useKeyboard } from "./useKeyboard.ts";
import { useRuns, useSelectedElsewhere } from "./useRuns.ts";
import { useShownRuns } from "./useShownRuns.ts";

const RunsPictures = lazy(async () => ({ default: (await import("./RunsPictures.tsx")).RunsPictures }));
const RunsParallel = lazy(async () => ({ default: (await import("./RunsParallel.tsx")).RunsParallel }));

function logHere(experimentName: string): string {
  return [
    "import mlflow",
    "",
    `mlflow.set_tracking_uri("${trackingUri()}")`,
    `mlflow.set_experiment(${JSON.stringify(experimentName)})`,
    "with mlflow.start_run():",
    '    mlflow.log_param("lr", 0.01)',
    "    for step in range(100):",
    '        mlflow.log_metric("loss", 1 / (step + 1), step=step)',
  ].join("\n");
}

const KEYS: [string, string][] = [
  ["j k", "move"],
  ["x", "select"],
  ["X", "select a range"],
  ["e", "eye"],
  ["Enter", "open"],
  ["/", "filter"],
];

/** What the keys do, where a mouse is not in the way of seeing it. */
function Keys() {
  return (
    <p className="keys wide-only quiet">
      {KEYS.map(([key, meaning]) => (
        <span key={key}>
          <kbd>{key}</kbd> {meaning}
        </span>
      ))}
    </p>
  );
}

export function RunsScreen({ experimentId }: { experimentId: string }) {
  const [settings, change] = useTableSettings();
  const experiment = useQuery({
    queryKey: ["experiment", experimentId],
    queryFn: ({ signal }) => getExperiment(experimentId, signal),
    staleTime: 10_000,
  });
  const runs = useRuns(experimentId, settings);
  const { rows } = runs;
  const shown = useShownRuns(rows, useSelectedElsewhere(experimentId, rows, settings), settings);
  const [activeId, setActiveId] = useState<string | null>(null);
  const anchor = useRef<string | null>(null);
  const order = useMemo(() => rows.map((run) => run.runId), [rows]);
  const known = useMemo(() => knownKeys(rows), [rows]);
  const columns = settings.columns ?? firstColumns(known);
  const visible = useMemo(() => new Set(shown.visible), [shown.visible]);
  const name = experiment.data?.name ?? `Experiment ${experimentId}`;
  useDocumentTitle(name);

  const now = useRef({ settings, order, visible });
  now.current = { settings, order, visible };
  const actions = useMemo<TableActions>(
    () => ({
      select: (runId, isRange) => {
        const { selected } = now.current.settings;
        change({
          selected: isRange
            ? toggledRange(selected, now.current.order, anchor.current, runId)
            : toggled(selected, runId),
        });
        anchor.current = runId;
      },
      selectAll: () => {
        const selected = new Set(now.current.settings.selected);
        const isAll = now.current.order.every((runId) => selected.has(runId));
        change({ selected: isAll ? [] : now.current.order });
      },
      toggleEye: (runId) =>
        change({ eyes: eyeToggled(now.current.settings.eyes, runId, now.current.visible.has(runId)) }),
      activate: setActiveId,
    }),
    [change],
  );
  function step(by: number) {
    setActiveId(moved(order, activeId, by));
    // The row's name is read out, and Tab goes on from there.
    requestAnimationFrame(() => document.querySelector<HTMLElement>("table.runs tr.active a")?.focus());
  }
  useKeyboard({
    j: () => step(1),
    k: () => step(-1),
    x: (event) => activeId && actions.select(activeId, event.shiftKey),
    X: () => activeId && actions.select(activeId, true),
    e: () => activeId && actions.toggleEye(activeId),
    Enter: () => activeId && go(runHash(experimentId, activeId)),
    "/": () => document.getElementById(FILTER_ID)?.focus(),
  });

  if (experiment.isError && !experiment.data) {
    return <Failure isPage error={experiment.error} onRetry={() => void experiment.refetch()} />;
  }
  const isFilterRefused = runs.error instanceof Refused && runs.error.status === 400;
  const isEmpty = !runs.isPending && rows.length === 0 && !runs.error;

  const table = (
    <div className={`pane ${runs.isStale && rows.length > 0 ? "dimmed" : ""}`}>
      {settings.selected.length > 0 && <BulkBar rows={rows} settings={settings} change={change} />}
      {runs.isPending ? (
        <div className="page">
          <Skeleton lines={10} label="Loading runs" />
        </div>
      ) : runs.error && !isFilterRefused && rows.length === 0 ? (
        <Failure error={runs.error} onRetry={runs.refetch} />
      ) : isFilterRefused && rows.length === 0 ? (
        <Empty title="The server does not understand the filter">
          <p className="quiet">What it says about it stands below the filter box.</p>
        </Empty>
      ) : isEmpty ? (
        <Empty title={settings.filter || settings.isDeleted ? "No run matches" : "No runs yet"}>
          {!settings.filter && !settings.isDeleted && (
            <>
              <p className="quiet">Log the first one; it appears here by itself.</p>
              <Snippet code={logHere(name)} />
            </>
          )}
        </Empty>
      ) : (
        <RunsTable
          rows={rows}
          columns={columns}
          settings={settings}
          change={change}
          slots={shown.slots}
          visible={visible}
          activeId={activeId}
          actions={actions}
          hasMore={runs.hasMore}
          isLoadingMore={runs.isLoadingMore}
          loadMore={runs.loadMore}
          look={runs.look}
        />
      )}
      {rows.length > 0 && settings.selected.length === 0 && <Keys />}
    </div>
  );
  const charts = (
    <div className="pane">
      {settings.pane === "compare" && (
        <>
          <CompareTable runs={shown.chosen} slots={shown.slots} settings={settings} change={change} />
          {shown.chosen.length > 1 && (
            <Suspense>
              <RunsPictures runs={shown.chosen} slots={shown.slots} />
              <RunsParallel runs={shown.chosen} />
            </Suspense>
          )}
        </>
      )}
      {runs.isPending ? (
        <span className="skeleton chart-pending" />
      ) : (
        <ChartsPane
          known={known}
          runs={shown.panelRuns}
          metrics={shown.metrics}
          settings={settings}
          change={change}
        />
      )}
    </div>
  );

  return (
    <div className="runs-screen">
      <div className="runs-head">
        <nav className="crumbs" aria-label="Where you are">
          <a href={experimentsHash()}>Experiments</a>
          <span aria-hidden="true">/</span>
        </nav>
        <h1 className="ellipsis" title={name}>
          {name}
        </h1>
        {experiment.data?.isDeleted && <span className="pill">Deleted</span>}
        <ExperimentTabs experimentId={experimentId} shown="Runs" />
        <ShareLink experimentId={experimentId} />
      </div>
      <RunsToolbar
        settings={settings}
        change={change}
        known={known}
        columns={columns}
        rows={rows}
        title={name}
        hasMore={runs.hasMore}
        error={runs.error}
      />
      {isEmpty && !settings.filter && !settings.isDeleted ? (
        table
      ) : (
        <Split isNarrowStart={settings.pane === "table"} start={table} end={charts} />
      )}
    </div>
  );
}
