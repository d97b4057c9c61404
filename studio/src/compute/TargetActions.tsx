import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { may, useCaller } from "../api/caller.ts";
import { type ComputeTarget, changeComputeTarget } from "../api/compute.ts";
import { Icon } from "../parts/Icon.tsx";
import { failureText } from "../parts/States.tsx";
import { ChangeTargetDialog, DeleteTargetDialog, useRefreshTargets } from "./dialogs.tsx";
import { useTargetKinds } from "./queries.ts";

/** Begin no more jobs, or begin them again: both can be taken back at once, so nothing is asked. */
export function PauseButton({ target, isSmall = false }: { target: ComputeTarget; isSmall?: boolean }) {
  const caller = useCaller();
  const refresh = useRefreshTargets();
  const change = useMutation({
    mutationFn: () => changeComputeTarget(target.name, { is_paused: !target.is_paused }),
    onSettled: refresh,
  });
  if (target.is_built_in || target.is_leaving || !may(caller, "MANAGE")) return null;
  const verb = target.is_paused ? "Resume" : "Pause";
  return (
    <>
      {change.error && (
        <span className="note bad" role="alert">
          {failureText(change.error).detail}
        </span>
      )}
      <button
        type="button"
        className={`button ${isSmall ? "small" : ""}`}
        aria-label={`${verb} ${target.name}`}
        disabled={change.isPending}
        onClick={() => change.mutate()}
      >
        <Icon name={target.is_paused ? "play" : "pause"} /> {verb}
      </button>
    </>
  );
}

export function TargetActions({ target }: { target: ComputeTarget }) {
  const caller = useCaller();
  const kind = useTargetKinds().find(({ name }) => name === target.kind);
  const [asked, setAsked] = useState<"change" | "delete" | null>(null);
  const close = () => setAsked(null);
  if (target.is_built_in || target.is_leaving || !may(caller, "MANAGE")) return null;
  return (
    <>
      <PauseButton target={target} />
      <button type="button" className="button" onClick={() => setAsked("change")}>
        <Icon name="pencil" /> Change
      </button>
      <button type="button" className="button danger" onClick={() => setAsked("delete")}>
        <Icon name="trash" /> Delete
      </button>
      {asked === "change" && <ChangeTargetDialog target={target} kind={kind} onClose={close} />}
      {asked === "delete" && <DeleteTargetDialog target={target} onClose={close} />}
    </>
  );
}
