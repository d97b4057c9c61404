import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { trackingUri } from "../api/address.ts";
import { createExperiment } from "../api/mlflow.ts";
import type { Experiment } from "../api/types.ts";
import { go, useUrlQuery } from "../app/location.ts";
import { experimentHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { TextDialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { SearchField } from "../parts/SearchField.tsx";
import { Segments } from "../parts/Segments.tsx";
import { Snippet } from "../parts/Snippet.tsx";
import { SortHead } from "../parts/SortHead.tsx";
import { Empty, Failure, Skeleton } from "../parts/States.tsx";
import { listOrderOf, listOrderText, type Sorting } from "../parts/sorting.ts";
import { ExperimentRow } from "./ExperimentRow.tsx";
import { LAST_CHANGED, SORTED, useExperiments, useNewestRun } from "./queries.ts";

function firstSteps(): string {
  return [
    "import mlflow",
    "",
    `mlflow.set_tracking_uri("${trackingUri()}")`,
    'mlflow.set_experiment("first-steps")',
    "with mlflow.start_run():",
    '    mlflow.log_param("lr", 0.01)',
    "    for step in range(100):",
    '        mlflow.log_metric("loss", 1 / (step + 1), step=step)',
  ].join("\n");
}

/** On a server that nobody has logged to: how to do that. */
function FirstRun({ experiment }: { experiment: Experiment }) {
  const newest = useNewestRun(experiment);
  if (newest.data !== null) return null;
  return (
    <section className="card" aria-label="The first run">
      <header>
        <h2>Log the first run</h2>
      </header>
      <div className="card-note stack">
        <p className="quiet">From any Python that has MLflow. It appears here by itself.</p>
        <Snippet code={firstSteps()} />
      </div>
    </section>
  );
}

export function ExperimentsScreen() {
  useDocumentTitle("Experiments");
  const [query, change] = useUrlQuery();
  const [isCreating, setIsCreating] = useState(false);
  const queries = useQueryClient();
  const text = query.get("search") ?? "";
  const isDeleted = query.get("lifecycle") === "deleted";
  const order = listOrderOf(query.get("order"), Object.values(SORTED), LAST_CHANGED);
  const sorting: Sorting = { keys: SORTED, order, onSort: (next) => change({ order: listOrderText(next) }) };
  const experiments = useExperiments(text, isDeleted ? "DELETED_ONLY" : "ACTIVE_ONLY", order);
  const rows = experiments.data?.pages.flatMap((page) => page.items) ?? [];

  return (
    <div className="page stack">
      <div className="title">
        <h1>Experiments</h1>
        <span className="grow" />
        <button type="button" className="button primary" onClick={() => setIsCreating(true)}>
          <Icon name="plus" /> New experiment
        </button>
      </div>
      <div className="row wrap">
        <SearchField
          label="Search experiments by name"
          value={text}
          onChange={(value) => change({ search: value })}
        />
        <Segments
          label="Lifecycle"
          choices={[
            [false, "Active"],
            [true, "Deleted"],
          ]}
          chosen={isDeleted}
          onChoose={(deleted) => change({ lifecycle: deleted ? "deleted" : null })}
        />
      </div>

      {experiments.isPending && <Skeleton lines={8} label="Loading experiments" />}
      {experiments.isError && !experiments.data && (
        <Failure error={experiments.error} onRetry={() => void experiments.refetch()} />
      )}
      {experiments.data && rows.length === 0 && (
        <Empty title={text || isDeleted ? "No experiment matches" : "No experiments yet"}>
          {!text && !isDeleted && (
            <>
              <p className="quiet">Log the first run from any Python that has MLflow:</p>
              <Snippet code={firstSteps()} />
            </>
          )}
        </Empty>
      )}
      {rows.length > 0 && (
        <div className="card scroll-x">
          <table className="list experiments">
            <thead>
              <tr>
                <SortHead title="Name" sorting={sorting} />
                <th scope="col">Newest run</th>
                <SortHead title="Changed" className="wide-only" sorting={sorting} />
                <SortHead title="Created" className="wide-only" sorting={sorting} />
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((experiment) => (
                <ExperimentRow key={experiment.experimentId} experiment={experiment} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rows.length === 1 && rows[0] && !text && !isDeleted && <FirstRun experiment={rows[0]} />}
      {experiments.hasNextPage && (
        <button type="button" className="button" onClick={() => void experiments.fetchNextPage()}>
          Show more
        </button>
      )}
      {isCreating && (
        <TextDialog
          title="New experiment"
          label="Name"
          action="Create"
          onClose={() => setIsCreating(false)}
          onText={async (name) => {
            const experimentId = await createExperiment(name);
            await queries.invalidateQueries({ queryKey: ["experiments"] });
            go(experimentHash(experimentId));
          }}
        />
      )}
    </div>
  );
}
