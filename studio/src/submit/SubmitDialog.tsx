import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { experimentNamed } from "../api/mlflow.ts";
import { submitJob, submitSweep } from "../api/submission.ts";
import { go } from "../app/location.ts";
import { jobHash, sweepHash } from "../app/route.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { textOf } from "../parts/fields.tsx";
import { CodeFields } from "./CodeFields.tsx";
import { sentCode } from "./code.ts";
import type { CodeFile } from "./ignoring.ts";
import { MoreFields, PlaceFields, ProgramFields, RunFields } from "./JobFields.tsx";
import { type Before, jobOf, newRunId, searchOf } from "./newJob.ts";
import { SearchFields } from "./SearchFields.tsx";
import { assetsIn, useAssetsOf } from "./useAssets.ts";

interface Props {
  kind: "job" | "sweep";
  /** What the form begins with. */
  before?: Before;
  onClose: () => void;
}

/** The id of what is asked for: the same asked again, as nobody heard the answer, is not done twice. */
function useRunIdOf() {
  const last = useRef({ wanted: "", runId: "" });
  return (wanted: unknown) => {
    const text = JSON.stringify(wanted);
    if (last.current.wanted !== text) last.current = { wanted: text, runId: newRunId() };
    return last.current.runId;
  };
}

/** Sends code as the form needs it, and says how far that is. */
function useSending() {
  const [share, setShare] = useState<number | null>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => {
    const own = new AbortController();
    stop.current = own;
    return () => own.abort();
  }, []);
  async function send(code: CodeFile[]): Promise<string> {
    setShare(0);
    try {
      return await sentCode(code, stop.current?.signal ?? AbortSignal.abort(), setShare);
    } finally {
      setShare(null);
    }
  }
  return { share, send };
}

const NO_INPUTS = {};

/** Asks for all that a job or a sweep needs, sends its code, submits it and goes to its page. */
export function SubmitDialog({ kind, before, onClose }: Props) {
  const queries = useQueryClient();
  const [code, setCode] = useState<CodeFile[] | null>(null);
  const { share, send } = useSending();
  const runIdOf = useRunIdOf();
  const isSweep = kind === "sweep";
  const known = useAssetsOf(before?.job.inputs ?? NO_INPUTS);

  async function submit(form: FormData) {
    // What the form says is read first: a slip in it is told before anything is sent.
    const assets = new Map([...known, ...(await assetsIn(textOf(form, "inputs")))]);
    const said = jobOf(form, before?.job.snapshot ?? "", before, assets);
    const search = isSweep ? searchOf(form) : null;
    const snapshot = code ? await send(code) : said.snapshot;
    const experimentId = await experimentNamed(textOf(form, "experiment"));
    const wanted = { ...jobOf(form, snapshot, before, assets), experiment_id: experimentId, ...search };
    const body = { ...wanted, run_id: runIdOf(wanted) };
    if (search) go(sweepHash((await submitSweep({ ...body, ...search })).run_id));
    else go(jobHash((await submitJob(body)).run_id));
    await queries.invalidateQueries();
  }

  return (
    <Dialog
      title={before ? `Run “${before.job.run_name}” again` : isSweep ? "New sweep" : "New job"}
      action="Submit"
      isWide
      onClose={onClose}
      onConfirm={submit}
    >
      <RunFields before={before} isSweep={isSweep} />
      <CodeFields snapshot={before?.job.snapshot ?? ""} code={code} onCode={setCode} />
      <ProgramFields before={before} code={code} />
      {isSweep && <SearchFields before={before?.search} />}
      <PlaceFields before={before} />
      <MoreFields before={before} assets={known} />
      {share !== null && (
        <p className="row" role="status">
          Sending the code <progress value={share} max={1} aria-label="Sending the code" />
        </p>
      )}
    </Dialog>
  );
}
