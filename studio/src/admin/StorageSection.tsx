import { useQuery } from "@tanstack/react-query";
import { serverRoot, workspaceName } from "../api/address.ts";
import { may, useCaller } from "../api/caller.ts";
import { type ExperimentUsage, getUsage, type Usage, type WorkspaceUsage } from "../api/storage.ts";
import { useUrlQuery } from "../app/location.ts";
import { adminHash, experimentHash } from "../app/route.ts";
import { bytes, plural } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Segments } from "../parts/Segments.tsx";
import { Empty } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { Time } from "../parts/Time.tsx";
import { Figures } from "./Figures.tsx";
import { QuotaCard } from "./QuotaCard.tsx";
import { UsageBars } from "./UsageBars.tsx";

/** An experiment of whatever workspace. */
const addressOf = (one: ExperimentUsage) =>
  one.workspace === workspaceName()
    ? experimentHash(one.experiment_id)
    : `${serverRoot()}workspaces/${encodeURIComponent(one.workspace)}/${experimentHash(one.experiment_id)}`;

/** In the database and in files. */
const traceBytes = (one: WorkspaceUsage) => one.trace_database_bytes + one.trace_file_bytes;

/** What uses space, in this workspace or on the whole server. */
export function StorageSection() {
  const caller = useCaller();
  const [query, change] = useUrlQuery();
  const isWhole = query.get("of") === "server" && may(caller, "ADMINISTER");
  const isByRuns = query.get("by") === "runs";
  const workspace = isWhole ? null : workspaceName();
  const usage = useQuery({
    queryKey: ["usage", workspace],
    queryFn: ({ signal }) => getUsage(workspace, signal),
    refetchInterval: 60_000,
  });
  return (
    <>
      <div className="row wrap">
        {may(caller, "ADMINISTER") && (
          <Segments
            label="Of"
            choices={[
              [false, workspaceName()],
              [true, "Whole server"],
            ]}
            chosen={isWhole}
            onChoose={(whole) => change({ of: whole ? "server" : null })}
          />
        )}
        <Segments
          label="Measured by"
          choices={[
            [false, "By bytes"],
            [true, "By runs"],
          ]}
          chosen={isByRuns}
          onChoose={(byRuns) => change({ by: byRuns ? "runs" : null })}
        />
        <span className="grow" />
        <a className="button" href={adminHash("trash")}>
          <Icon name="trash" /> Free space
        </a>
      </div>
      <Loaded query={usage} label="Loading what uses space" lines={8}>
        {(read) => (
          <>
            <Totals of={read.workspaces} />
            <Experiments read={read} isByRuns={isByRuns} isWhole={isWhole} />
            {isWhole && <Workspaces of={read.workspaces} />}
          </>
        )}
      </Loaded>
      {!isWhole && <QuotaCard workspace={workspaceName()} mayChange={may(caller, "ADMINISTER")} />}
    </>
  );
}

function Totals({ of }: { of: WorkspaceUsage[] }) {
  const sum = (pick: (one: WorkspaceUsage) => number) => of.reduce((total, one) => total + pick(one), 0);
  const measured = of.map((one) => one.measured_ms).filter((ms): ms is number => ms !== null);
  return (
    <>
      <Figures
        title="In all"
        figures={[
          {
            name: "Artifacts",
            value: bytes(sum((one) => one.artifact_bytes)),
            more: plural(
              sum((one) => one.artifact_files),
              "file",
            ),
          },
          {
            name: "Of that in the trash",
            value: bytes(sum((one) => one.deleted_artifact_bytes)),
            more: plural(
              sum((one) => one.deleted_runs),
              "run",
            ),
          },
          { name: "Metric points", value: sum((one) => one.metric_points).toLocaleString("en") },
          {
            name: "Runs",
            value: sum((one) => one.runs).toLocaleString("en"),
            more: plural(
              sum((one) => one.experiments),
              "experiment",
            ),
          },
          {
            name: "Models",
            value: sum((one) => one.logged_models).toLocaleString("en"),
            more: bytes(sum((one) => one.logged_model_bytes)),
          },
          {
            name: "Registered",
            value: sum((one) => one.registered_models + one.prompts).toLocaleString("en"),
            more: `${plural(
              sum((one) => one.model_versions + one.prompt_versions),
              "version",
            )}, ${bytes(sum((one) => one.registered_bytes))}`,
          },
          {
            name: "Traces",
            value: sum((one) => one.traces).toLocaleString("en"),
            more: bytes(sum(traceBytes)),
          },
          {
            name: "Evaluation datasets",
            value: sum((one) => one.evaluation_datasets).toLocaleString("en"),
            more: plural(
              sum((one) => one.dataset_records),
              "record",
            ),
          },
        ]}
      />
      <p className="quiet">
        {measured.length > 0 ? (
          <>
            Bytes and points were measured <Time ms={Math.min(...measured)} isRelative />; all other counts
            are of now. Files of models, of registered versions and of traces are part of the artifacts; rows
            of traces are in the database.
          </>
        ) : (
          "Bytes and points have not been measured yet; the server does that every 15 minutes."
        )}
      </p>
    </>
  );
}

function Experiments({ read, isByRuns, isWhole }: { read: Usage; isByRuns: boolean; isWhole: boolean }) {
  const found = isByRuns ? read.most_runs : read.most_bytes;
  const amountOf = (one: ExperimentUsage) => (isByRuns ? one.runs : one.artifact_bytes);
  const rows = found.filter((one) => amountOf(one) > 0);
  return (
    <section className="card" aria-label="The largest experiments">
      <header>
        <h2>The largest experiments</h2>
      </header>
      {rows.length === 0 ? (
        <Empty title={isByRuns ? "No runs yet" : "No artifacts yet"}>
          <p className="quiet">What is logged is listed here by its experiment.</p>
        </Empty>
      ) : (
        <UsageBars
          bars={rows.map((one) => ({
            id: `${one.workspace} ${one.experiment_id}`,
            name: one.name,
            address: addressOf(one),
            note: [isWhole ? one.workspace : "", one.is_deleted ? "in the trash" : ""]
              .filter(Boolean)
              .join(", "),
            amount: amountOf(one),
            text: isByRuns ? plural(one.runs, "run") : bytes(one.artifact_bytes),
          }))}
        />
      )}
    </section>
  );
}

function Workspaces({ of }: { of: WorkspaceUsage[] }) {
  return (
    <TableCard
      title="Workspaces"
      count={of.length}
      columns={[
        "Name",
        "Artifacts",
        "Models",
        "Registered",
        "Traces",
        "Metric points",
        "Runs",
        "Last activity",
      ]}
    >
      {of.map((one) => (
        <tr key={one.workspace}>
          <td className="strong wrap-anywhere">{one.workspace}</td>
          <td className="number nowrap">{bytes(one.artifact_bytes)}</td>
          <td className="number nowrap">{bytes(one.logged_model_bytes)}</td>
          <td className="number nowrap">{bytes(one.registered_bytes)}</td>
          <td className="number nowrap">{bytes(traceBytes(one))}</td>
          <td className="number">{one.metric_points.toLocaleString("en")}</td>
          <td className="number">{one.runs.toLocaleString("en")}</td>
          <td>
            <Time ms={one.last_activity_ms} isRelative />
          </td>
        </tr>
      ))}
    </TableCard>
  );
}
