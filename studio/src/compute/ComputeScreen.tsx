import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { may, useCaller } from "../api/caller.ts";
import { type ComputeTarget, listComputeTargets, type TargetKind } from "../api/compute.ts";
import { computeTargetHash, jobsHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { Tabs } from "../jobs/Tabs.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Empty } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { Duration } from "../parts/Time.tsx";
import { NewTargetDialog } from "./dialogs.tsx";
import { useTargetKinds } from "./queries.ts";
import { SlotBar, TargetPill } from "./SlotBar.tsx";
import { PauseButton } from "./TargetActions.tsx";
import { isUnreachable, kindName } from "./words.ts";

const REFRESH_MS = 3000;

/** The places of the workspace that jobs are sent to. */
export function ComputeScreen() {
  useDocumentTitle("Compute");
  const caller = useCaller();
  const kinds = useTargetKinds();
  const [isCreating, setIsCreating] = useState(false);
  const query = useQuery({
    queryKey: ["compute-targets"],
    queryFn: ({ signal }) => listComputeTargets(signal),
    refetchInterval: REFRESH_MS,
  });
  return (
    <div className="page wide stack">
      <div className="title">
        <h1>Compute</h1>
        <span className="grow" />
        <Tabs shown="Compute" />
        {may(caller, "MANAGE") && (
          <button type="button" className="button primary" onClick={() => setIsCreating(true)}>
            <Icon name="plus" /> New target
          </button>
        )}
      </div>
      <p className="quiet">
        A target has slots: so many jobs of one slot run at a time, and the others wait, by priority and then
        in the order of their submission.
      </p>
      <Loaded query={query} label="Loading compute targets">
        {(targets) => (
          <TableCard
            title="Compute targets"
            count={targets.length}
            columns={["Name", "State", "Slots taken", "Waiting", "~Kind", "~Description", "-Actions"]}
            instead={targets.length === 0 && <NoTargets />}
          >
            {targets.map((target) => (
              <Row key={target.name} target={target} kinds={kinds} />
            ))}
          </TableCard>
        )}
      </Loaded>
      {isCreating && kinds.length > 0 && (
        <NewTargetDialog kinds={kinds} onClose={() => setIsCreating(false)} />
      )}
    </div>
  );
}

function Row({ target, kinds }: { target: ComputeTarget; kinds: TargetKind[] }) {
  return (
    <tr>
      <td>
        <a className="strong wrap-anywhere" href={computeTargetHash(target.name)}>
          {target.name}
        </a>
      </td>
      <td>
        <TargetPill target={target} />
        {isUnreachable(target) && (
          <div className="quiet nowrap">
            for <Duration startedMs={target.unreachable_since_ms ?? null} endedMs={null} />
          </div>
        )}
      </td>
      <td>
        <SlotBar target={target} />
      </td>
      <td className="number">
        {target.jobs_waiting > 0 ? (
          <a href={jobsHash({ compute: target.name, status: "queued" })}>{target.jobs_waiting}</a>
        ) : (
          0
        )}
      </td>
      <td className="wide-only nowrap">{kindName(target.kind, kinds)}</td>
      <td className="wide-only wrap-anywhere">{target.description}</td>
      <td className="end actions">
        <PauseButton target={target} isSmall />
      </td>
    </tr>
  );
}

function NoTargets() {
  return (
    <Empty title="This server runs no jobs">
      <p className="quiet">
        The code of a job can do whatever the server's own user can, so whoever operates the server says so
        first, by its setting <code>local_slots</code>.
      </p>
    </Empty>
  );
}
