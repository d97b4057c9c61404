import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { getQuota, LIMITS, type Limit, type Quota, setQuota } from "../api/storage.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { numberOf, TextField } from "../parts/fields.tsx";
import { bytes } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { Loaded } from "../parts/Loaded.tsx";

const NAMES: Record<Limit, string> = {
  max_runs: "Runs",
  max_experiments: "Experiments",
  max_artifact_bytes: "Artifacts",
  max_metric_points: "Metric points",
};
const NEARLY_FULL = 0.9;

const amount = (limit: Limit, value: number) =>
  limit === "max_artifact_bytes" ? bytes(value) : value.toLocaleString("en");

/** How much of its quota a workspace has used. */
export function QuotaCard({ workspace, mayChange }: { workspace: string; mayChange: boolean }) {
  const queries = useQueryClient();
  const [isAsked, setIsAsked] = useState(false);
  const query = useQuery({
    queryKey: ["quota", workspace],
    queryFn: ({ signal }) => getQuota(workspace, signal),
  });
  return (
    <section className="card" aria-label="Quota">
      <header>
        <h2 className="grow">Quota</h2>
        {mayChange && query.data && (
          <button type="button" className="button" onClick={() => setIsAsked(true)}>
            <Icon name="pencil" /> Change
          </button>
        )}
      </header>
      <Loaded query={query} label="Loading the quota" lines={4}>
        {(quota) => (
          <>
            <ul className="usage-bars">
              {LIMITS.map((limit) => (
                <Meter key={limit} limit={limit} quota={quota} />
              ))}
            </ul>
            {isAsked && (
              <Dialog
                title={`Quota of ${workspace}`}
                action="Set"
                onClose={() => setIsAsked(false)}
                onConfirm={async (form) => {
                  const chosen = Object.fromEntries(
                    LIMITS.map((limit) => [limit, numberOf(form, limit)]),
                  ) as Quota["quota"];
                  await setQuota(workspace, chosen);
                  await queries.invalidateQueries({ queryKey: ["quota"] });
                }}
              >
                <p className="quiet">Empty takes the server's own setting; 0 is no limit.</p>
                {LIMITS.map((limit) => (
                  <TextField
                    key={limit}
                    label={limit === "max_artifact_bytes" ? "Artifacts, in bytes" : NAMES[limit]}
                    name={limit}
                    type="number"
                    min={0}
                    defaultValue={quota.quota[limit] ?? ""}
                  />
                ))}
              </Dialog>
            )}
          </>
        )}
      </Loaded>
    </section>
  );
}

function Meter({ limit, quota }: { limit: Limit; quota: Quota }) {
  const used = quota.used[limit] ?? 0;
  const most = quota.limits[limit];
  const share = most ? Math.min(1, used / most) : 0;
  return (
    <li>
      <span className="row">
        <span className="grow">{NAMES[limit]}</span>
        <span className="number nowrap">
          {amount(limit, used)} {most ? `of ${amount(limit, most)}` : <span className="quiet">no limit</span>}
        </span>
      </span>
      {most !== undefined && (
        <span className="usage-track" aria-hidden="true">
          <span
            className={`usage-bar ${share >= NEARLY_FULL ? "full" : ""}`}
            style={{ width: `${100 * share}%` }}
          />
        </span>
      )}
    </li>
  );
}
