/** Which files of a folder don't go along with a job, as the command line has it. Pure but for the reading. */

export interface CodeFile {
  /** Below the folder, with slashes. */
  path: string;
  file: Blob;
  isExecutable: boolean;
}

interface Line {
  expression: RegExp;
  isName: boolean;
  isOfFolders: boolean;
  isNegated: boolean;
}

interface IgnoreFile {
  /** Where it lies: empty, or with a slash at its end. */
  folder: string;
  /** The last one first. */
  lines: Line[];
}

const ALWAYS_LEFT_OUT = [".git", ".hg", ".svn", "__pycache__"];
const OWN_IGNORE_FILES = [".runyardignore", ".amlignore"];
const GIT_IGNORE = ".gitignore";
/** What a folder has in it that is an environment of Python, which is made anew where the job runs. */
const ENVIRONMENT_MARKS = ["/pyvenv.cfg", "/conda-meta/history"];

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");

/** A pattern's `[...]` as an expression; null where it has no end. */
function bracketsAt(pattern: string, at: number): { text: string; end: number } | null {
  const found = /^\[([!^]?)(\]?(?:\[:\w+:\]|\\.|[^\]\\])*)\]/.exec(pattern.slice(at));
  if (!found) return null;
  const [whole, negation, members = ""] = found;
  const classes: Record<string, string> = { alnum: "0-9A-Za-z", alpha: "A-Za-z", digit: "0-9", space: "\\s" };
  const inside = members
    .replace(/^\]/, "\\]")
    .replace(/\[:(\w+):\]/g, (_, name: string) => classes[name] ?? "")
    .replace(/\[/g, "\\[");
  return { text: `(?!/)[${negation ? "^" : ""}${inside}]`, end: at + whole.length };
}

/** A pattern of git as an expression; null for one that matches nothing. */
function expressionOf(pattern: string, isName: boolean): RegExp | null {
  let text = "";
  for (let at = 0; at < pattern.length; ) {
    const rest = pattern.slice(at);
    const begins = at === 0 || pattern[at - 1] === "/";
    const stars = /^\*+/.exec(rest)?.[0].length ?? 0;
    if (stars >= 2 && !isName && begins && rest.length === stars) [text, at] = [`${text}.*`, at + stars];
    else if (stars >= 2 && !isName && begins && rest[stars] === "/") {
      [text, at] = [`${text}(?:.*/)?`, at + stars + 1];
    } else if (stars > 0) [text, at] = [`${text}[^/]*`, at + stars];
    else if (rest[0] === "?") [text, at] = [`${text}[^/]`, at + 1];
    else if (rest[0] === "[") {
      const set = bracketsAt(pattern, at);
      if (!set) return null;
      [text, at] = [text + set.text, set.end];
    } else if (rest[0] === "\\") {
      if (rest.length === 1) return null;
      [text, at] = [text + escaped(rest[1] ?? ""), at + 2];
    } else [text, at] = [text + escaped(rest[0] ?? ""), at + 1];
  }
  try {
    return new RegExp(`^${text}$`, "s");
  } catch {
    return null;
  }
}

function lineOf(written: string): Line | null {
  const line = written.replace(/\r$/, "").replace(/(?<!\\) +$/, "");
  if (line.startsWith("#")) return null;
  const isNegated = line.startsWith("!");
  const said = isNegated ? line.slice(1) : line;
  const isOfFolders = said.endsWith("/");
  const pattern = isOfFolders ? said.slice(0, -1) : said;
  if (!pattern) return null;
  const isName = !pattern.includes("/");
  const expression = expressionOf(pattern.replace(/^\//, ""), isName);
  return expression && { expression, isName, isOfFolders, isNegated };
}

/** What the lines of an ignore file say. */
export const ignoreFileOf = (folder: string, text: string): IgnoreFile => ({
  folder,
  lines: text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .map(lineOf)
    .filter((line) => line !== null)
    .reverse(),
});

/** Whether the nearest ignore file that says something of a path leaves it out. */
function isIgnored(files: IgnoreFile[], path: string, isFolder: boolean): boolean {
  for (const { folder, lines } of [...files].reverse()) {
    if (!path.startsWith(folder)) continue;
    const below = path.slice(folder.length);
    const name = below.slice(below.lastIndexOf("/") + 1);
    const said = lines.find(
      (line) => (isFolder || !line.isOfFolders) && line.expression.test(line.isName ? name : below),
    );
    if (said) return !said.isNegated;
  }
  return false;
}

/** Whether a file stays here, for what an ignore file says of it or of a folder above it. */
export function isLeftOut(files: IgnoreFile[], path: string): boolean {
  const names = path.split("/");
  if (names.some((name) => ALWAYS_LEFT_OUT.includes(name))) return true;
  return names.some((_, depth) =>
    isIgnored(files, names.slice(0, depth + 1).join("/"), depth < names.length - 1),
  );
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
