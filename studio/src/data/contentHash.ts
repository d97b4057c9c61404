/** The hash of the files of a dataset, as Runyard's SDK writes it: who registers the same again gets the same version. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { ChosenFile } from "../files/chosenFiles.ts";
import { sha256Of } from "../files/sha256.ts";

const encoder = new TextEncoder();

/** In the order of their characters' numbers, as Python puts them; JavaScript's own order is of halves of some. */
function compared(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at += 1) {
    const difference = (one[at] as number) - (other[at] as number);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

/** The SHA-256 over the names of files and the hashes of what is in them. */
export async function contentHash(files: ChosenFile[], signal: AbortSignal): Promise<string> {
  const named = files.map(({ path, file }) => ({ path, file, name: encoder.encode(path) }));
  named.sort((one, other) => compared(one.name, other.name));
  const hash = sha256.create();
  for (const { path, file, name } of named) {
    hash.update(encoder.encode(`${name.length} ${path} ${await sha256Of(file, signal)}\n`));
  }
  return bytesToHex(hash.digest());
}
