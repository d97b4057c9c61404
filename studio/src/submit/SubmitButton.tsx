import { lazy, Suspense, useState } from "react";
import { mayIn, useCaller } from "../api/caller.ts";
import { Icon } from "../parts/Icon.tsx";
import type { Before } from "./newJob.ts";

const SubmitDialog = lazy(async () => ({ default: (await import("./SubmitDialog.tsx")).SubmitDialog }));

interface Props {
  kind?: "job" | "sweep";
  before?: Before;
}

/** Opens the form of a job or a sweep, for those who may submit one. */
export function SubmitButton({ kind = "job", before }: Props) {
  const caller = useCaller();
  const [isAsked, setIsAsked] = useState(false);
  if (!mayIn(caller, "CONTRIBUTE", before?.job.experiment_id ?? "")) return null;
  return (
    <>
      <button type="button" className={`button ${before ? "" : "primary"}`} onClick={() => setIsAsked(true)}>
        <Icon name={before ? "refresh" : "plus"} />{" "}
        {before ? "Run again" : kind === "sweep" ? "New sweep" : "New job"}
      </button>
      {isAsked && (
        <Suspense>
          <SubmitDialog kind={kind} {...(before ? { before } : {})} onClose={() => setIsAsked(false)} />
        </Suspense>
      )}
    </>
  );
}
