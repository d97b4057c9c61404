/** The files of a zip, each unpacked when it is read for. */
import type { CodeFile } from "./ignoring.ts";

const END = 0x06054b50;
const END_BYTES = 22;
const LONGEST_COMMENT = 0xffff;
const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;
const IN_64_BITS = 0xffffffff;
const NO_ZIP = "This is no zip, or one that is not whole.";

interface Entry {
  path: string;
  method: number;
  flags: number;
  packedBytes: number;
  at: number;
  isExecutable: boolean;
}

const viewOf = async (blob: Blob) => new DataView(await blob.arrayBuffer());

/** Where the list of entries is, and how many there are. */
async function listPlace(zip: Blob): Promise<{ at: number; size: number; count: number }> {
  const tail = await viewOf(zip.slice(Math.max(0, zip.size - END_BYTES - LONGEST_COMMENT)));
  for (let at = tail.byteLength - END_BYTES; at >= 0; at -= 1) {
    if (tail.getUint32(at, true) !== END) continue;
    const [count, size] = [tail.getUint16(at + 10, true), tail.getUint32(at + 12, true)];
    const place = tail.getUint32(at + 16, true);
    if (place === IN_64_BITS || count === 0xffff) throw new Error("This zip is too large to be read here.");
    return { at: place, size, count };
  }
  throw new Error(NO_ZIP);
}

function entriesIn(list: DataView, count: number): Entry[] {
  const entries: Entry[] = [];
  const decoder = new TextDecoder();
  for (let at = 0; entries.length < count; ) {
    if (at + ENTRY_BYTES > list.byteLength || list.getUint32(at, true) !== ENTRY) throw new Error(NO_ZIP);
    const nameBytes = list.getUint16(at + 28, true);
    const more = list.getUint16(at + 30, true) + list.getUint16(at + 32, true);
    const name = new Uint8Array(list.buffer, at + ENTRY_BYTES, nameBytes);
    entries.push({
      path: decoder.decode(name).replaceAll("\\", "/"),
      flags: list.getUint16(at + 8, true),
      method: list.getUint16(at + 10, true),
      packedBytes: list.getUint32(at + 20, true),
      at: list.getUint32(at + 42, true),
      // Where Unix made the zip, its modes are in the upper half.
      isExecutable: ((list.getUint32(at + 38, true) >>> 16) & 0o100) !== 0,
    });
    at += ENTRY_BYTES + nameBytes + more;
  }
  return entries;
}

async function unpacked(zip: Blob, { path, flags, method, packedBytes, at }: Entry): Promise<Blob> {
  if (flags & 1) throw new Error(`“${path}” in the zip is encrypted.`);
  const local = await viewOf(zip.slice(at, at + LOCAL_BYTES));
  if (local.byteLength < LOCAL_BYTES) throw new Error(NO_ZIP);
  const start = at + LOCAL_BYTES + local.getUint16(26, true) + local.getUint16(28, true);
  const packed = zip.slice(start, start + packedBytes);
  if (method === STORED) return packed;
  if (method !== DEFLATED) throw new Error(`“${path}” in the zip is packed in a way that is not known here.`);
  return new Response(packed.stream().pipeThrough(new DecompressionStream("deflate-raw"))).blob();
}

/** All files of a zip. Throws where it can't be read, or would write outside of its folder. */
export async function filesOfZip(zip: Blob): Promise<CodeFile[]> {
  const place = await listPlace(zip);
  const list = await viewOf(zip.slice(place.at, place.at + place.size));
  const files: CodeFile[] = [];
  for (const entry of entriesIn(list, place.count)) {
    if (entry.path.endsWith("/")) continue;
    if (entry.path.startsWith("/") || entry.path.split("/").includes("..")) {
      throw new Error(`“${entry.path}” in the zip lies outside of it.`);
    }
    files.push({ path: entry.path, file: await unpacked(zip, entry), isExecutable: entry.isExecutable });
  }
  return files;
}
