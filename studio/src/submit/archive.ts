/** The code of a job as the archive that the server keeps: a tar compressed by gzip. */
import { createTarPacker, type TarPackController } from "modern-tar";
import type { CodeFile } from "./ignoring.ts";

// The same code is the same archive, whoever packs it when.
const OWNERLESS = { mtime: new Date(0), uid: 0, gid: 0 };

async function pack(files: CodeFile[], tar: TarPackController): Promise<void> {
  try {
    for (const { path, file, isExecutable } of files) {
      const mode = isExecutable ? 0o755 : 0o644;
      await file.stream().pipeTo(tar.add({ ...OWNERLESS, name: path, size: file.size, mode }));
    }
    tar.finalize();
  } catch (error) {
    tar.error(error);
  }
}

/** The archive, as it goes to the server. */
export function archiveOf(files: CodeFile[]): Promise<Blob> {
  const { readable, controller } = createTarPacker();
  void pack(files, controller);
  return new Response(readable.pipeThrough(new CompressionStream("gzip"))).blob();
}
