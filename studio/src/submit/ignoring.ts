/** Which files of a folder don't go along with a job, as the command line has it. Pure but for the reading. */
import ignore, { type Ignore } from "ignore";

export interface CodeFile {
  /** Below the folder, with slashes. */
  path: string;
  file: Blob;
  isExecutable: boolean;
}

interface IgnoreFile {
  /** Where it lies: empty, or with a slash at its end. */
  folder: string;
  lines: Ignore;
}

const ALWAYS_LEFT_OUT = [".git", ".hg", ".svn", "__pycache__"];
const OWN_IGNORE_FILES = [".runyardignore", ".amlignore"];
const GIT_IGNORE = ".gitignore";
/** What a folder has in it that is an environment of Python, which is made anew where the job runs. */
const ENVIRONMENT_MARKS = ["/pyvenv.cfg", "/conda-meta/history"];

/** What the lines of an ignore file say. */
export const ignoreFileOf = (folder: string, text: string): IgnoreFile => ({
  folder,
  lines: ignore({ ignorecase: false }).add(text.replace(/^\uFEFF/, "")),
});

/** Whether the nearest ignore file that says something of a path leaves it out. */
function isIgnored(files: IgnoreFile[], path: string): boolean {
  for (const { folder, lines } of [...files].reverse()) {
    if (!path.startsWith(folder) || path === folder) continue;
    const said = lines.test(path.slice(folder.length));
    if (said.ignored || said.unignored) return said.ignored;
  }
  return false;
}

/** Whether a file stays here, for what an ignore file says of it or of a folder above it. */
export function isLeftOut(files: IgnoreFile[], path: string): boolean {
  const names = path.split("/");
  if (names.some((name) => ALWAYS_LEFT_OUT.includes(name))) return true;
  return names.some((_, depth) => {
    const above = names.slice(0, depth + 1).join("/");
    return isIgnored(files, depth < names.length - 1 ? `${above}/` : above);
  });
}

async function ignoreFilesOf(files: CodeFile[]): Promise<IgnoreFile[]> {
  const own = OWN_IGNORE_FILES.map((name) => files.find(({ path }) => path === name)).find(Boolean);
  const read = own
    ? [own]
    : files.filter(({ path }) => path === GIT_IGNORE || path.endsWith(`/${GIT_IGNORE}`));
  // The nearest one says the last word.
  const found = read.sort((one, other) => one.path.split("/").length - other.path.split("/").length);
  return Promise.all(
    found.map(async ({ path, file }) =>
      ignoreFileOf(path.slice(0, path.lastIndexOf("/") + 1), await file.text()),
    ),
  );
}

/** Those of the files that go along with a job, by name. */
export async function codeOf(files: CodeFile[]): Promise<CodeFile[]> {
  const ignoring = await ignoreFilesOf(files);
  const environments = files.flatMap(({ path }) =>
    ENVIRONMENT_MARKS.filter((mark) => path.endsWith(mark)).map((mark) => path.slice(0, 1 - mark.length)),
  );
  return files
    .filter(({ path }) => !environments.some((folder) => path.startsWith(folder)))
    .filter(({ path }) => !isLeftOut(ignoring, path))
    .sort((one, other) => (one.path < other.path ? -1 : 1));
}
