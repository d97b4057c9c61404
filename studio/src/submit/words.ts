/** What people write of a job, read and written back. Pure. */
import type { Job } from "../api/jobs.ts";
import { pairsFrom } from "../parts/pairLines.ts";

/** The words of a line as a shell parts them by spaces and quotes; nothing in them is expanded. */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  const piece = /\s+|'([^']*)'|"((?:\\.|[^"\\])*)"|\\(\n|[\s\S])|([^\s'"\\]+)|(['"\\])/g;
  for (const [whole, single, double, escaped, plain, open] of line.matchAll(piece)) {
    if (open) throw new Error(`A ${open === "\\" ? "backslash" : "quote"} of the line has no end.`);
    if (/^\s/.test(whole)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (escaped === "\n") continue;
    else word = (word ?? "") + (single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped ?? plain);
  }
  return word === null ? words : [...words, word];
}

export const partedPlace = (name: string, said: string) => {
  const colon = said.indexOf(":");
  if (colon < 1) throw new Error(`Write ${name} as name=datastore:path, not “${said}”.`);
  return { datastore: said.slice(0, colon), path: said.slice(colon + 1).replace(/^\/+|\/+$/g, "") };
};

const RUN_ID = "{run_id}";

/** Outputs as such lines. What may overwrite goes on to; so may what goes to a folder of its run's own. */
export const outputsFrom = (text: string, before: Job["outputs"] = {}): Job["outputs"] =>
  Object.fromEntries(
    Object.entries(pairsFrom(text, "output")).map(([name, said]) => {
      const place = partedPlace(name, said);
      return [
        name,
        { ...place, overwrite: place.path.includes(RUN_ID) || (before[name]?.overwrite ?? false) },
      ];
    }),
  );

/** Outputs of a run, for another run: where its id was in a path, that of the other one will be. */
export const outputsText = (outputs: Job["outputs"], runId: string) =>
  Object.entries(outputs)
    .map(([name, { datastore, path }]) => `${name}=${datastore}:${path.replaceAll(runId, RUN_ID)}`)
    .join("\n");

const UNITS_S: Record<string, number> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** A time as `90`, `30m`, `2h` or `1d`; nothing is without end. */
export function secondsFrom(text: string): number {
  if (text === "") return 0;
  const found = /^(\d{1,9})\s*([smhd]?)$/.exec(text);
  if (!found) throw new Error(`Write the longest time as 90, 30m, 2h or 1d, not “${text}”.`);
  return Number(found[1]) * (UNITS_S[found[2] ?? ""] ?? 1);
}

/** The same as text, in the largest unit that is whole. */
export function secondsText(seconds: number): string {
  if (seconds === 0) return "";
  const unit = ["d", "h", "m"].find((one) => seconds % (UNITS_S[one] ?? 1) === 0) ?? "";
  return `${seconds / (UNITS_S[unit] ?? 1)}${unit}`;
}
