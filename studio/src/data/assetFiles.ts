/** Which files a dataset is made of, as far as a page needs to know. */
import type { DataSource } from "../api/assets.ts";
import type { DatastoreFile } from "../api/datastores.ts";
import { ARTIFACT_STORE } from "./words.ts";

export const MOST_FILES = 200;
const MOST_FOLDERS = 50;

/** The datastore that a source lies in, if any, and its path there. */
export function storeOf({ kind, address, datastore }: DataSource): { store: string; path: string } | null {
  if (kind === "url") return null;
  const store = kind === "upload" ? ARTIFACT_STORE : datastore;
  return { store, path: address.replace(/^\/+|\/+$/g, "") };
}

const WILDCARD = /[*?[]/;

/** The folder that a pattern begins in, or a path that is none as it is. */
export function plainPart(path: string): string {
  const at = path.search(WILDCARD);
  if (at < 0) return path;
  return path.slice(0, Math.max(path.lastIndexOf("/", at), 0));
}

/** A folder that shows what a path names: that of a pattern, else the one that the file or folder lies in. */
export const folderOf = (path: string) =>
  WILDCARD.test(path) ? plainPart(path) : path.slice(0, Math.max(path.lastIndexOf("/"), 0));

const SIGNS: Record<string, string> = { "**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]" };

/** What a path must be to fit a pattern of `*`, `?`, `[...]` and `**`. */
export function patternOf(path: string): RegExp {
  const pieces = path.match(/\*\*\/|\*\*|\*|\?|\[[^\]/]+\]|./gsu) ?? [];
  const written = pieces.map((piece) => {
    if (SIGNS[piece]) return SIGNS[piece];
    if (piece.length > 1 && piece.startsWith("[")) return oneOf(piece.slice(1, -1));
    return piece.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  });
  return new RegExp(`^${written.join("")}$`, "su");
}

function oneOf(inside: string): string {
  const isNot = inside.startsWith("!");
  const signs = (isNot ? inside.slice(1) : inside).replace(/[\\[\]^]/g, "\\$&");
  return `[${isNot ? "^" : ""}${signs}]`;
}

interface Listed {
  files: DatastoreFile[];
  next_page_token: string | null;
}

/** The first files that a path names, folders with all below them, and whether there may be more. */
export async function filesAt(
  path: string,
  list: (folder: string, pageToken: string | null) => Promise<Listed>,
): Promise<{ files: DatastoreFile[]; isCut: boolean }> {
  const fits = WILDCARD.test(path) ? patternOf(path) : null;
  const files: DatastoreFile[] = [];
  const folders = [plainPart(path)];
  for (let asked = 0; folders.length > 0; ) {
    const folder = folders.shift() ?? "";
    let token: string | null = null;
    do {
      if (asked++ === MOST_FOLDERS) return { files, isCut: true };
      const page: Listed = await list(folder, token);
      for (const each of page.files) {
        // A server that lists a folder inside itself must not keep us walking for ever.
        if (each.is_dir && each.path.length > folder.length) folders.push(each.path);
        if (each.is_dir || (fits && !fits.test(each.path))) continue;
        if (files.length === MOST_FILES) return { files, isCut: true };
        files.push(each);
      }
      token = page.next_page_token;
    } while (token);
  }
  return { files, isCut: false };
}
