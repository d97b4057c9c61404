/** The code of a job as people choose it, and its way to the server. */
import { keepCode } from "../api/submission.ts";
import type { ChosenFile } from "../files/chosenFiles.ts";
import { sha256Of } from "../files/sha256.ts";
import { archiveOf } from "./archive.ts";
import { type CodeFile, codeOf } from "./ignoring.ts";
import { filesOfZip } from "./zip.ts";

export const MOST_FILES = 50_000;

const isZip = (files: ChosenFile[]) => files.length === 1 && /\.zip$/i.test(files[0]?.path ?? "");

/** The files of a folder that was chosen or dropped: the folder itself is not part of their paths. */
export function belowTheirFolder(files: ChosenFile[]): CodeFile[] {
  const tops = new Set(files.map(({ path }) => (path.includes("/") ? path.slice(0, path.indexOf("/")) : "")));
  const [top = ""] = tops;
  const cut = tops.size === 1 && top !== "" ? top.length + 1 : 0;
  // A browser does not tell whether a file may be executed; what begins as a script does is meant to be.
  return files.map(({ path, file }) => ({ path: path.slice(cut), file, isExecutable: /\.sh$/.test(path) }));
}

/** What goes along with a job of a folder, of some files or of a zip. */
export async function chosenCode(chosen: ChosenFile[]): Promise<CodeFile[]> {
  const [first] = chosen;
  const all = first && isZip(chosen) ? await filesOfZip(first.file) : belowTheirFolder(chosen);
  const code = await codeOf(all);
  if (code.length === 0) throw new Error("None of these files goes along with a job.");
  if (code.length > MOST_FILES) throw new Error(`The code has more than ${MOST_FILES} files.`);
  return code;
}

/** Bring code to the server, and answer what it is known by. */
export async function sentCode(
  code: CodeFile[],
  signal: AbortSignal,
  onProgress: (share: number) => void,
): Promise<string> {
  const archive = await archiveOf(code);
  const sha256 = await sha256Of(archive, signal);
  const share = (sentBytes: number) => onProgress(Math.min(sentBytes / archive.size, 1));
  await keepCode(sha256, { file: archive, signal, onProgress: share });
  return sha256;
}
