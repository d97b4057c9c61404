import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { may, useCaller } from "../api/caller.ts";
import { listRules, type RetentionRule, removeRule, setRule } from "../api/storage.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { CheckField, numberOf, TextField, textOf } from "../parts/fields.tsx";
import { plural } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { IconButton } from "../parts/IconButton.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Empty } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";

const DAY_S = 86_400;
const placeOf = (rule: RetentionRule) =>
  rule.experiment_id === null ? "this workspace" : `experiment #${rule.experiment_id}`;

/** What "by the retention rules" means here. */
export function RetentionRules() {
  const queries = useQueryClient();
  const mayChange = may(useCaller(), "MANAGE");
  const [asked, setAsked] = useState<"set" | RetentionRule | null>(null);
  const rules = useQuery({ queryKey: ["rules"], queryFn: ({ signal }) => listRules(signal) });
  const refresh = () => queries.invalidateQueries({ queryKey: ["rules"] });
  return (
    <Loaded query={rules} label="Loading retention rules" lines={3}>
      {(all) => (
        <>
          <TableCard
            title="Retention rules"
            count={all.length}
            columns={["For", "Lets go what is in the trash for", "Keeps", "-Actions"]}
            tools={
              mayChange && (
                <button type="button" className="button" onClick={() => setAsked("set")}>
                  <Icon name="plus" /> Set a rule
                </button>
              )
            }
            instead={
              all.length === 0 && (
                <Empty title="No rules">
                  <p className="quiet">
                    A rule does nothing by itself: it says what may go when somebody, or a timer, frees space
                    by the rules.
                  </p>
                </Empty>
              )
            }
          >
            {all.map((rule) => (
              <tr key={rule.experiment_id ?? ""}>
                <td>{placeOf(rule)}</td>
                <td>{plural(Number((rule.older_than_s / DAY_S).toFixed(2)), "day")} or longer</td>
                <td>
                  {rule.keep_last > 0 && `the last ${plural(rule.keep_last, "run")}`}
                  {rule.keep_last > 0 && rule.untagged && ", "}
                  {rule.untagged && "what has tags"}
                  {rule.keep_last === 0 && !rule.untagged && <span className="quiet">nothing</span>}
                </td>
                <td className="end actions">
                  {mayChange && (
                    <IconButton
                      icon="trash"
                      label={`Remove the rule of ${placeOf(rule)}`}
                      onClick={() => setAsked(rule)}
                    />
                  )}
                </td>
              </tr>
            ))}
          </TableCard>
          {asked === "set" && (
            <Dialog
              title="Set a retention rule"
              action="Set"
              onClose={() => setAsked(null)}
              onConfirm={async (form) => {
                await setRule({
                  experiment_id: textOf(form, "experiment") || null,
                  older_than_s: (numberOf(form, "days") ?? 0) * DAY_S,
                  keep_last: numberOf(form, "keep_last") ?? 0,
                  untagged: form.get("untagged") === "on",
                });
                await refresh();
              }}
            >
              <TextField
                label="Experiment's number"
                name="experiment"
                inputMode="numeric"
                hint="Left empty, it is for all experiments that have no rule of their own."
              />
              <TextField label="Days in the trash" name="days" type="number" min={0} required />
              <TextField label="Keep the last runs" name="keep_last" type="number" min={0} />
              <CheckField name="untagged">Keep what has tags of its own</CheckField>
            </Dialog>
          )}
          {asked !== null && asked !== "set" && (
            <Dialog
              title={`Remove the rule of ${placeOf(asked)}?`}
              action="Remove"
              isDanger
              onClose={() => setAsked(null)}
              onConfirm={async () => {
                await removeRule(asked);
                await refresh();
              }}
            >
              <p>Nothing is deleted by this.</p>
            </Dialog>
          )}
        </>
      )}
    </Loaded>
  );
}
