/** The code of a job as the archive that the server keeps: a tar compressed by gzip. */
import type { CodeFile } from "./ignoring.ts";

const BLOCK = 512;
const LONGEST_NAME = 100;
const LONG_NAME = "././@LongLink";

const encoder = new TextEncoder();

interface Header {
  name: Uint8Array;
  size: number;
  mode: number;
  kind: string;
}

/** What stands before a file in a tar. */
function headerOf({ name, size, mode, kind }: Header): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK);
  const put = (text: string, at: number) => block.set(encoder.encode(text), at);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  block.set(name.subarray(0, LONGEST_NAME));
  put(octal(mode, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(size, 11), 124);
  put(octal(0, 11), 136);
  // The sum counts its own field as spaces.
  put("        ", 148);
  put(kind, 156);
  put("ustar  \0", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

const restOfBlock = (size: number) => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);

/** The tar, whose files are read as it is. */
export function tarOf(files: CodeFile[]): Blob {
  const parts: BlobPart[] = [];
  for (const { path, file, isExecutable } of files) {
    const name = encoder.encode(path);
    if (name.length > LONGEST_NAME) {
      const size = name.length + 1;
      parts.push(headerOf({ name: encoder.encode(LONG_NAME), size, mode: 0, kind: "L" }));
      parts.push(name, new Uint8Array(1), restOfBlock(size));
    }
    const mode = isExecutable ? 0o755 : 0o644;
    parts.push(headerOf({ name, size: file.size, mode, kind: "0" }), file, restOfBlock(file.size));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return new Blob(parts);
}

/** The archive, as it goes to the server. */
export const archiveOf = (files: CodeFile[]): Promise<Blob> =>
  new Response(tarOf(files).stream().pipeThrough(new CompressionStream("gzip"))).blob();
