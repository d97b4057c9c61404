/** Pictures of several runs, told apart by what they show and the step they were logged at. Pure. */
import { previewKind } from "../artifacts/kinds.ts";

export interface Picture {
  path: string;
  /** What it shows: the key that it was logged with, or its path. */
  key: string;
  /** null for a file that has no step. */
  step: number | null;
}

/** `mlflow.log_image(…, key=, step=)`: older clients part the words with %, newer ones with +. */
const LOGGED = /^images\/(.+)([+%])step\2(\d+)\2timestamp\2\d+\2[^+%]*(\2compressed)?\.[a-z]+$/;

/** What a file is a picture of; null for other files and for smaller copies of pictures. */
export function pictureOf(path: string): Picture | null {
  if (previewKind(path) !== "image") return null;
  const logged = LOGGED.exec(path);
  if (!logged) return { path, key: path, step: null };
  const [, key = "", , step, compressed] = logged;
  if (compressed) return null;
  return { path, key: key.replaceAll("~", "/").replaceAll("#", "/"), step: Number(step) };
}

const byStep = (a: Picture, b: Picture) => (a.step ?? 0) - (b.step ?? 0);

/** Every key, those that most runs have first: they can be compared. */
export function pictureKeys(byRun: readonly Picture[][]): string[] {
  const counts = new Map<string, number>();
  for (const pictures of byRun) {
    for (const key of new Set(pictures.map((picture) => picture.key))) {
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([key]) => key);
}

/** The steps that any run has a picture of this key at. */
export function stepsOf(byRun: readonly Picture[][], key: string): number[] {
  const steps = byRun.flat().flatMap((picture) => (picture.key === key ? (picture.step ?? []) : []));
  return [...new Set(steps)].sort((a, b) => a - b);
}

/** A run's picture at a step: the last one until then, as not all runs log at the same steps. */
export function pictureAt(pictures: readonly Picture[], key: string, step: number | null): Picture | null {
  const ofKey = pictures.filter((picture) => picture.key === key).sort(byStep);
  if (step === null) return ofKey.at(-1) ?? null;
  return ofKey.findLast((picture) => (picture.step ?? 0) <= step) ?? null;
}
