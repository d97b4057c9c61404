import { lazy, Suspense, useEffect, useMemo, useRef } from "react";
import { useSession } from "../api/session.ts";
import { ExperimentsScreen } from "../experiments/ExperimentsScreen.tsx";
import { ModelScreen } from "../models/ModelScreen.tsx";
import { Empty, Skeleton } from "../parts/States.tsx";
import { RunScreen } from "../run/RunScreen.tsx";
import { RunsScreen } from "../runs/RunsScreen.tsx";
import { DeviceScreen } from "../signin/DeviceScreen.tsx";
import { SignIn } from "../signin/SignIn.tsx";
import { Boundary } from "./Boundary.tsx";
import { focusMain, Header } from "./Header.tsx";
import { usePlace } from "./location.ts";
import { useWayBackToMlflow } from "./mlflow.ts";
import { experimentsHash, type Route, routeOf } from "./route.ts";
import { StaleBanner } from "./StaleBanner.tsx";

/** Few people need these on most days. */
const AdminScreen = lazy(async () => ({ default: (await import("../admin/index.ts")).AdminScreen }));
const KeysScreen = lazy(async () => ({ default: (await import("../admin/index.ts")).KeysScreen }));
const RegistryScreen = lazy(async () => ({
  default: (await import("../registry/index.ts")).RegistryScreen,
}));
const RegisteredModelScreen = lazy(async () => ({
  default: (await import("../registry/index.ts")).RegisteredModelScreen,
}));
const ModelVersionScreen = lazy(async () => ({
  default: (await import("../registry/index.ts")).ModelVersionScreen,
}));
const DatastoresScreen = lazy(async () => ({
  default: (await import("../data/index.ts")).DatastoresScreen,
}));
const DatastoreScreen = lazy(async () => ({
  default: (await import("../data/index.ts")).DatastoreScreen,
}));
const AssetsScreen = lazy(async () => ({
  default: (await import("../data/index.ts")).AssetsScreen,
}));
const AssetScreen = lazy(async () => ({
  default: (await import("../data/index.ts")).AssetScreen,
}));
const EnvironmentsScreen = lazy(async () => ({
  default: (await import("../data/index.ts")).EnvironmentsScreen,
}));
const EnvironmentScreen = lazy(async () => ({
  default: (await import("../data/index.ts")).EnvironmentScreen,
}));
const JobsScreen = lazy(async () => ({ default: (await import("../jobs/index.ts")).JobsScreen }));
const JobScreen = lazy(async () => ({ default: (await import("../jobs/index.ts")).JobScreen }));
const SweepsScreen = lazy(async () => ({ default: (await import("../sweeps/index.ts")).SweepsScreen }));
const SweepScreen = lazy(async () => ({ default: (await import("../sweeps/index.ts")).SweepScreen }));
const ComputeScreen = lazy(async () => ({
  default: (await import("../compute/index.ts")).ComputeScreen,
}));
const ComputeTargetScreen = lazy(async () => ({
  default: (await import("../compute/index.ts")).ComputeTargetScreen,
}));
const WorkspacesScreen = lazy(async () => ({
  default: (await import("../workspaces/index.ts")).WorkspacesScreen,
}));
const WorkspaceScreen = lazy(async () => ({
  default: (await import("../workspaces/index.ts")).WorkspaceScreen,
}));
const TracesScreen = lazy(async () => ({ default: (await import("../traces/index.ts")).TracesScreen }));
const TraceScreen = lazy(async () => ({ default: (await import("../traces/index.ts")).TraceScreen }));
const SessionsScreen = lazy(async () => ({ default: (await import("../traces/index.ts")).SessionsScreen }));
const SessionScreen = lazy(async () => ({ default: (await import("../traces/index.ts")).SessionScreen }));
const EvaluationDatasetsScreen = lazy(async () => ({
  default: (await import("../evaluation/index.ts")).EvaluationDatasetsScreen,
}));
const EvaluationDatasetScreen = lazy(async () => ({
  default: (await import("../evaluation/index.ts")).EvaluationDatasetScreen,
}));
const EvaluationRunsScreen = lazy(async () => ({
  default: (await import("../evaluation/index.ts")).EvaluationRunsScreen,
}));
const ScorersScreen = lazy(async () => ({ default: (await import("../evaluation/index.ts")).ScorersScreen }));
const ScorerScreen = lazy(async () => ({ default: (await import("../evaluation/index.ts")).ScorerScreen }));
const ShareScreen = lazy(async () => ({ default: (await import("../admin/index.ts")).ShareScreen }));

function Screen({ route }: { route: Route }) {
  switch (route.screen) {
    case "experiments":
      return <ExperimentsScreen />;
    case "experiment":
      return <RunsScreen key={route.experimentId} experimentId={route.experimentId} />;
    case "run":
      return <RunScreen key={route.runId} {...route} />;
    case "model":
      return <ModelScreen key={route.modelId} {...route} />;
    case "traces":
      return <TracesScreen key={route.experimentId} experimentId={route.experimentId} />;
    case "trace":
      return <TraceScreen key={route.traceId} {...route} />;
    case "sessions":
      return <SessionsScreen key={route.experimentId} experimentId={route.experimentId} />;
    case "session":
      return <SessionScreen key={route.sessionId} {...route} />;
    case "evaluationDatasets":
      return <EvaluationDatasetsScreen key={route.experimentId} experimentId={route.experimentId} />;
    case "evaluationDataset":
      return <EvaluationDatasetScreen key={route.datasetId} {...route} />;
    case "evaluationRuns":
      return <EvaluationRunsScreen key={route.experimentId} experimentId={route.experimentId} />;
    case "scorers":
      return <ScorersScreen key={route.experimentId} experimentId={route.experimentId} />;
    case "scorer":
      return <ScorerScreen key={route.name} {...route} />;
    case "registry":
      return <RegistryScreen key={route.kind} kind={route.kind} />;
    case "registeredModel":
      return <RegisteredModelScreen key={route.name} kind={route.kind} name={route.name} />;
    case "modelVersion":
      return <ModelVersionScreen key={`${route.name} ${route.version}`} {...route} />;
    case "datastores":
      return <DatastoresScreen />;
    case "datastore":
      return <DatastoreScreen key={route.name} name={route.name} folder={route.folder} />;
    case "assets":
      return <AssetsScreen />;
    case "asset":
      return <AssetScreen key={route.name} name={route.name} version={route.version} />;
    case "environments":
      return <EnvironmentsScreen />;
    case "environment":
      return <EnvironmentScreen key={route.name} name={route.name} version={route.version} />;
    case "jobs":
      return <JobsScreen />;
    case "job":
      return <JobScreen key={route.runId} runId={route.runId} />;
    case "sweeps":
      return <SweepsScreen />;
    case "sweep":
      return <SweepScreen key={route.runId} runId={route.runId} />;
    case "compute":
      return <ComputeScreen />;
    case "computeTarget":
      return <ComputeTargetScreen key={route.name} name={route.name} />;
    case "workspaces":
      return <WorkspacesScreen />;
    case "workspace":
      return <WorkspaceScreen key={route.name} name={route.name} />;
    case "share":
      return <ShareScreen key={route.experimentId} experimentId={route.experimentId} />;
    case "admin":
      return <AdminScreen section={route.section} />;
    case "keys":
      return <KeysScreen />;
    case "device":
      return <DeviceScreen />;
    case "unknown":
      return (
        <Empty title="There is no such page" isPage>
          <a className="button" href={experimentsHash()}>
            All experiments
          </a>
        </Empty>
      );
  }
}

/** What is one page over many addresses: the tabs and files of a run or a model stand on the same one. */
function pageOf(route: Route, segments: readonly string[]): string {
  if (route.screen === "run") return `run ${route.runId}`;
  if (route.screen === "model") return `model ${route.modelId}`;
  return segments.join("/");
}

/** The link that led here is gone with its page: a screen reader and the next Tab begin at the new one. */
function useFocusOnPage(page: string): void {
  const before = useRef(page);
  useEffect(() => {
    if (before.current === page) return;
    before.current = page;
    if (document.activeElement === document.body) focusMain();
  }, [page]);
}

function Waiting() {
  return (
    <div className="page">
      <Skeleton label="Loading the page" />
    </div>
  );
}

export function App() {
  const { segments } = usePlace();
  const { isAsked } = useSession();
  useWayBackToMlflow();
  const route = useMemo(() => routeOf(segments), [segments]);
  const page = pageOf(route, segments);
  useFocusOnPage(page);
  return (
    <div className="shell">
      <Header />
      <StaleBanner />
      <main id="main-content" className="screen" tabIndex={-1}>
        {isAsked ? (
          <SignIn />
        ) : (
          <Boundary key={page} address={segments.join("/")}>
            <Suspense fallback={<Waiting />}>
              <Screen route={route} />
            </Suspense>
          </Boundary>
        )}
      </main>
    </div>
  );
}
