import { useQuery } from "@tanstack/react-query";
import { getExperiment } from "../api/mlflow.ts";
import { experimentHash, experimentsHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { GrantsPanel } from "./GrantsPanel.tsx";

/** Who may see and change one experiment. */
export function ShareScreen({ experimentId }: { experimentId: string }) {
  const { data } = useQuery({
    queryKey: ["experiment", experimentId],
    queryFn: ({ signal }) => getExperiment(experimentId, signal),
  });
  const name = data?.name ?? `#${experimentId}`;
  useDocumentTitle(`Share ${name}`);
  return (
    <div className="page stack">
      <div>
        <nav className="crumbs" aria-label="Where you are">
          <a href={experimentsHash()}>Experiments</a>
          <span aria-hidden="true">/</span>
          <a className="wrap-anywhere" href={experimentHash(experimentId)}>
            {name}
          </a>
        </nav>
        <h1>Share</h1>
      </div>
      <GrantsPanel experimentId={experimentId} />
    </div>
  );
}
