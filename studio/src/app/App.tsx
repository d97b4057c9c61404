import { useMemo } from "react";
import { useSession } from "../api/session.ts";
import { ExperimentsScreen } from "../experiments/ExperimentsScreen.tsx";
import { ModelScreen } from "../models/ModelScreen.tsx";
import { Empty } from "../parts/States.tsx";
import { RunScreen } from "../run/RunScreen.tsx";
import { RunsScreen } from "../runs/RunsScreen.tsx";
import { SignIn } from "../signin/SignIn.tsx";
import { Boundary } from "./Boundary.tsx";
import { Header } from "./Header.tsx";
import { usePlace } from "./location.ts";
import { experimentsHash, type Route, routeOf } from "./route.ts";
import { StaleBanner } from "./StaleBanner.tsx";

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
    case "unknown":
      return (
        <Empty title="There is no such page">
          <a className="button" href={experimentsHash()}>
            All experiments
          </a>
        </Empty>
      );
  }
}

export function App() {
  const { segments } = usePlace();
  const { isAsked } = useSession();
  const route = useMemo(() => routeOf(segments), [segments]);
  return (
    <div className="shell">
      <Header />
      <StaleBanner />
      <main id="main-content" className="screen" tabIndex={-1}>
        {isAsked ? (
          <SignIn />
        ) : (
          <Boundary key={segments.join("/")}>
            <Screen route={route} />
          </Boundary>
        )}
      </main>
    </div>
  );
}
