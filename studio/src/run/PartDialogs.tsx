import { useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { logMetric, logParam, type PartKind, removePart } from "../api/logging.ts";
import { setRunTag } from "../api/mlflow.ts";
import type { Run } from "../api/types.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { AreaField, TextField, textOf } from "../parts/fields.tsx";
import { metricValue, nextStep } from "./metricValue.ts";

interface LogProps {
  run: Run;
  kind: Exclude<PartKind, "artifact">;
  title: string;
  onClose: () => void;
}

/** Asks for what is to be logged into a run. */
export function LogDialog({ run, kind, title, onClose }: LogProps) {
  const queries = useQueryClient();
  async function log(form: FormData) {
    const key = textOf(form, "key");
    if (kind === "metric") {
      await logMetric(run.runId, key, metricValue(textOf(form, "value")), Number(textOf(form, "step")));
    } else if (kind === "param") await logParam(run.runId, key, textOf(form, "value"));
    else await setRunTag(run.runId, key, textOf(form, "value"));
    await queries.invalidateQueries();
  }
  return (
    <Dialog title={title} action={kind === "tag" ? "Set" : "Log"} onClose={onClose} onConfirm={log}>
      {kind === "metric" ? (
        <MetricFields run={run} />
      ) : (
        <>
          <TextField label="Name" name="key" required />
          <AreaField label="Value" name="value" />
          <p className="quiet">
            {kind === "param"
              ? "A param is set once: another value of the same name is refused."
              : "A tag that is there already gets the new value."}
          </p>
        </>
      )}
    </Dialog>
  );
}

/** The step follows the metric that is named, until somebody types one. */
function MetricFields({ run }: { run: Run }) {
  const namesId = useId();
  const [typed, setTyped] = useState<string | null>(null);
  const [key, setKey] = useState("");
  const step = typed ?? String(nextStep(run.metrics.get(key.trim())?.step));
  return (
    <>
      <TextField
        label="Name"
        name="key"
        required
        list={namesId}
        value={key}
        onChange={(event) => setKey(event.target.value)}
      />
      <datalist id={namesId}>
        {[...run.metrics.keys()].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <TextField label="Value" name="value" required inputMode="decimal" hint="A number, NaN, inf or -inf." />
      <TextField
        label="Step"
        name="step"
        type="number"
        step={1}
        required
        value={step}
        onChange={(event) => setTyped(event.target.value)}
      />
    </>
  );
}

const GOES: Record<PartKind, string> = {
  metric: "All its points go, for good.",
  param: "It goes for good.",
  tag: "It goes for good.",
  artifact: "It goes for good, a folder with all that is in it.",
};

interface RemoveProps {
  run: Run;
  kind: PartKind;
  name: string;
  onDone?: () => void;
  onClose: () => void;
}

/** Asks whether a part of a run is to go. */
export function RemoveDialog({ run, kind, name, onDone, onClose }: RemoveProps) {
  const queries = useQueryClient();
  return (
    <Dialog
      title={`Delete “${name}”?`}
      action="Delete"
      isDanger
      onClose={onClose}
      onConfirm={async () => {
        await removePart(run.runId, kind, name);
        onDone?.();
        await queries.invalidateQueries();
      }}
    >
      <p>{GOES[kind]}</p>
    </Dialog>
  );
}
