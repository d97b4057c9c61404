import { useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { fetchArtifact, listArtifacts } from "../api/mlflow.ts";
import type { Run } from "../api/types.ts";
import { useUrlQuery } from "../app/location.ts";
import { runHash } from "../app/route.ts";
import { useTheme } from "../app/theme.ts";
import { ImageView } from "../artifacts/ImageView.tsx";
import { colour } from "../charts/palette.ts";
import { failureText } from "../parts/States.tsx";
import { type Picture, pictureAt, pictureKeys, pictureOf, stepsOf } from "./pictures.ts";

/** More runs are no help to who compares pictures, and each is asked for its files. */
const RUNS_SHOWN = 12;
const FOLDERS_READ = 24;
const KEPT_MS = 15_000;

/** The pictures among a run's files, folder by folder, those nearer to the top first. */
async function picturesOf(runId: string, signal: AbortSignal): Promise<Picture[]> {
  const folders = [""];
  const found: Picture[] = [];
  for (let at = 0; at < Math.min(folders.length, FOLDERS_READ); at += 1) {
    const entries = await listArtifacts({ kind: "run", runId }, folders[at] ?? "", signal);
    for (const entry of entries) {
      const picture = entry.isFolder ? null : pictureOf(entry.path);
      if (entry.isFolder) folders.push(entry.path);
      if (picture) found.push(picture);
    }
  }
  return found;
}

interface Props {
  runs: Run[];
  slots: ReadonlyMap<string, number>;
}

/** One picture of each compared run, side by side; a slider goes through the steps of all of them. */
export function RunsPictures({ runs, slots }: Props) {
  const [query, changeQuery] = useUrlQuery();
  const shown = runs.slice(0, RUNS_SHOWN);
  const byRun = useQueries({
    queries: shown.map((run) => ({
      queryKey: ["pictures", run.runId],
      queryFn: ({ signal }: { signal: AbortSignal }) => picturesOf(run.runId, signal),
      staleTime: KEPT_MS,
      refetchInterval: run.status === "RUNNING" ? KEPT_MS : (false as const),
    })),
    combine: (results) => results.map(({ data }) => data ?? []),
  });
  const keys = useMemo(() => pictureKeys(byRun), [byRun]);
  const asked = query.get("picture");
  const key = asked !== null && keys.includes(asked) ? asked : keys[0];
  if (key === undefined) return null;
  const steps = stepsOf(byRun, key);
  const wanted = query.get("picstep");
  const place = wanted === null ? steps.length - 1 : steps.findLastIndex((step) => step <= Number(wanted));
  const step = steps[Math.max(0, place)] ?? null;
  return (
    <section className="card pictures-card" aria-label="Pictures">
      <header className="row wrap">
        <h2 className="grow">Pictures</h2>
        {steps.length > 1 && (
          <label className="check">
            Step
            <input
              type="range"
              min={0}
              max={steps.length - 1}
              value={Math.max(0, place)}
              aria-valuetext={`step ${step}`}
              onChange={(event) => changeQuery({ picstep: String(steps[Number(event.target.value)]) })}
            />
            <span className="number">{step?.toLocaleString("en")}</span>
          </label>
        )}
        <select
          className="field"
          aria-label="Which picture"
          value={key}
          onChange={(event) => changeQuery({ picture: event.target.value, picstep: null })}
        >
          {keys.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </header>
      <div className="pictures">
        {shown.map((run, index) => (
          <RunPicture
            key={run.runId}
            run={run}
            slot={slots.get(run.runId) ?? 0}
            picture={pictureAt(byRun[index] ?? [], key, step)}
            step={step}
          />
        ))}
      </div>
      {runs.length > shown.length && (
        <p className="quiet card-note">
          Those of the first {shown.length} of {runs.length} runs.
        </p>
      )}
    </section>
  );
}

interface PictureProps {
  run: Run;
  slot: number;
  picture: Picture | null;
  step: number | null;
}

function RunPicture({ run, slot, picture, step }: PictureProps) {
  const theme = useTheme();
  const path = picture?.path ?? null;
  const file = useQuery({
    queryKey: ["picture", run.runId, path],
    queryFn: ({ signal }) => fetchArtifact({ kind: "run", runId: run.runId }, path ?? "", signal),
    enabled: path !== null,
    staleTime: KEPT_MS,
  });
  const isEarlier = picture !== null && picture.step !== null && picture.step !== step;
  return (
    <figure aria-label={`Picture of ${run.name}`}>
      <div className="picture">
        {path === null ? (
          <span className="quiet">None</span>
        ) : file.isError ? (
          <span className="note bad">{failureText(file.error).detail}</span>
        ) : file.data ? (
          <ImageView blob={file.data} path={path} alt={`${picture?.key} of ${run.name}`} />
        ) : (
          <span className="skeleton" />
        )}
      </div>
      <figcaption className="row">
        <span className="dot" style={{ background: colour(slot, theme) }} />
        <a
          className="ellipsis grow"
          title={run.name}
          href={runHash(run.experimentId, run.runId, "artifacts", path ?? "")}
        >
          {run.name}
        </a>
        {isEarlier && <span className="quiet number">step {picture.step?.toLocaleString("en")}</span>}
      </figcaption>
    </figure>
  );
}
