import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { type Collection, collect } from "../api/storage.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { CheckField, numberOf, TextField } from "../parts/fields.tsx";
import { bytes, plural } from "../parts/format.ts";
import { failureText } from "../parts/States.tsx";
import { bytesOf, type Freed, NOTHING, thingsOf, untilDone } from "./collecting.ts";

const DAY_S = 86_400;

type State =
  | { step: "ask" }
  | { step: "measuring" | "emptying"; wanted: Collection; freed: Freed; whole: Freed | null }
  | { step: "measured"; wanted: Collection; freed: Freed }
  | { step: "done"; freed: Freed };

export function contents(freed: Freed): string {
  const parts = [
    [freed.experiments, "experiment"],
    [freed.runs, "run"],
    [freed.logged_models, "model"],
    [freed.traces, "trace"],
    [freed.artifact_files, "file"],
    [freed.metric_points, "metric point"],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, one]) => plural(count, one));
  return said.join(", ") || "nothing";
}

/** Measures what the trash takes, and lets it go for good after that was seen. */
export function FreeSpace() {
  const queries = useQueryClient();
  const [state, setState] = useState<State>({ step: "ask" });
  const [failure, setFailure] = useState<string | null>(null);
  const [isByRules, setIsByRules] = useState(false);
  const [isSure, setIsSure] = useState(false);
  const stop = useRef(new AbortController());
  useEffect(() => {
    const controller = new AbortController();
    stop.current = controller;
    return () => controller.abort();
  }, []);

  async function run(step: "measuring" | "emptying", wanted: Collection, whole: Freed | null) {
    const { signal } = stop.current;
    setFailure(null);
    setState({ step, wanted, freed: NOTHING, whole });
    try {
      const freed = await untilDone(
        (next) => collect(wanted, { dry_run: step === "measuring", ...next }, signal),
        (soFar) => setState({ step, wanted, freed: soFar, whole }),
      );
      setState(step === "measuring" ? { step: "measured", wanted, freed } : { step: "done", freed });
    } catch (error) {
      if (signal.aborted) return;
      setFailure(failureText(error).detail);
      setState({ step: "ask" });
    }
    if (step === "emptying") await queries.invalidateQueries();
  }

  function measure(form: FormData) {
    const wanted: Collection = isByRules
      ? { older_than_s: 0, keep_last: 0, untagged: false, by_rules: true }
      : {
          older_than_s: (numberOf(form, "days") ?? 0) * DAY_S,
          keep_last: numberOf(form, "keep_last") ?? 0,
          untagged: form.get("untagged") === "on",
          by_rules: false,
        };
    void run("measuring", wanted, null);
  }

  const isBusy = state.step === "measuring" || state.step === "emptying";
  return (
    <section className="card" aria-label="Free space">
      <header>
        <h2>Free space</h2>
      </header>
      <div className="card-note stack">
        <p className="quiet">
          First measured, then taken away for good. What nobody deleted is never touched.
        </p>
        <form
          className="filters bare"
          onSubmit={(event) => {
            event.preventDefault();
            measure(new FormData(event.currentTarget));
          }}
        >
          <TextField
            label="Days in the trash, at least"
            name="days"
            type="number"
            min={0}
            step="any"
            placeholder="0"
            disabled={isByRules}
          />
          <TextField
            label="Keep the last runs"
            name="keep_last"
            type="number"
            min={0}
            placeholder="0"
            disabled={isByRules}
          />
          <CheckField name="untagged" isDisabled={isByRules}>
            Only what has no tags of its own
          </CheckField>
          <label className="check">
            <input
              type="checkbox"
              checked={isByRules}
              onChange={(event) => setIsByRules(event.target.checked)}
            />
            By the retention rules below
          </label>
          <button type="submit" className="button" disabled={isBusy}>
            Measure
          </button>
        </form>
        {failure && (
          <p className="note bad" role="alert">
            {failure}
          </p>
        )}
        <div role="status" className="stack">
          {isBusy && <Progress state={state} />}
          {state.step === "measured" && (
            <div className="note wrap">
              <span className="grow">
                <strong className="number">{bytes(bytesOf(state.freed))}</strong> would be freed:{" "}
                {contents(state.freed)}.
              </span>
              {thingsOf(state.freed) + bytesOf(state.freed) > 0 && (
                <button type="button" className="button danger" onClick={() => setIsSure(true)}>
                  Delete for good
                </button>
              )}
            </div>
          )}
          {state.step === "done" && (
            <p className="note">
              <span>
                <strong className="number">{bytes(bytesOf(state.freed))}</strong> freed:{" "}
                {contents(state.freed)}.
              </span>
            </p>
          )}
        </div>
      </div>
      {isSure && state.step === "measured" && (
        <Dialog
          title={`Free ${bytes(bytesOf(state.freed))} for good?`}
          action="Delete for good"
          isDanger
          onClose={() => setIsSure(false)}
          onConfirm={async () => void run("emptying", state.wanted, state.freed)}
        >
          <p>{contents(state.freed)} in the trash of this workspace. There is no way back.</p>
        </Dialog>
      )}
    </section>
  );
}

function Progress({ state }: { state: Extract<State, { step: "measuring" | "emptying" }> }) {
  const { freed, whole, step } = state;
  const share = whole === null ? 0 : Math.min(1, bytesOf(freed) / Math.max(1, bytesOf(whole)));
  return (
    <div className="note wrap">
      <span className="grow">
        {step === "measuring" ? "Measuring" : "Freeing"}: {bytes(bytesOf(freed))} so far, {contents(freed)}
      </span>
      {whole === null ? (
        <progress aria-label="Measuring" />
      ) : (
        <progress aria-label="Freeing space" value={share} max={1} />
      )}
    </div>
  );
}
