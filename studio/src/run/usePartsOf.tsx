import { lazy, type ReactNode, Suspense, useState } from "react";
import { mayIn, useCaller } from "../api/caller.ts";
import type { PartKind } from "../api/logging.ts";
import type { Run } from "../api/types.ts";
import { Icon } from "../parts/Icon.tsx";
import { IconButton } from "../parts/IconButton.tsx";
import type { PairRow } from "../parts/PairsCard.tsx";

const LogDialog = lazy(async () => ({ default: (await import("./PartDialogs.tsx")).LogDialog }));
const RemoveDialog = lazy(async () => ({ default: (await import("./PartDialogs.tsx")).RemoveDialog }));

type LoggedKind = Exclude<PartKind, "artifact">;

const ADD: Record<LoggedKind, string> = { metric: "Log a metric", param: "Log a param", tag: "Set a tag" };

interface Asked {
  kind: LoggedKind;
  /** The one that is to go; without it one is to come. */
  name: string | null;
}

/** What the cards of a run need so that those who may can add to it and take out of it. */
export function usePartsOf(run: Run) {
  const caller = useCaller();
  const [asked, setAsked] = useState<Asked | null>(null);
  const mayLog = !run.isDeleted && mayIn(caller, "CONTRIBUTE", run.experimentId);
  const mayRemove = !run.isDeleted && mayIn(caller, "MANAGE", run.experimentId);
  const of = (kind: LoggedKind): { tools?: ReactNode; actionsOf?: (row: PairRow) => ReactNode } => ({
    ...(mayLog && {
      tools: (
        <button type="button" className="button small" onClick={() => setAsked({ kind, name: null })}>
          <Icon name="plus" /> {ADD[kind]}
        </button>
      ),
    }),
    ...(mayRemove && {
      actionsOf: ({ key }) => (
        <IconButton
          icon="trash"
          label={`Delete the ${kind} ${key}`}
          onClick={() => setAsked({ kind, name: key })}
        />
      ),
    }),
  });
  const close = () => setAsked(null);
  const dialog = asked && (
    <Suspense>
      {asked.name === null ? (
        <LogDialog run={run} kind={asked.kind} title={ADD[asked.kind]} onClose={close} />
      ) : (
        <RemoveDialog run={run} kind={asked.kind} name={asked.name} onClose={close} />
      )}
    </Suspense>
  );
  return { of, dialog };
}
