/** The files of a zip, each unpacked when it is read for. */
import { BlobReader, BlobWriter, type FileEntry, ZipReader } from "@zip.js/zip.js/lib/zip-core-native.js";
import type { CodeFile } from "./ignoring.ts";

const NO_ZIP = "This is no zip, or one that is not whole.";
// Code is small, and the Studio's policy lets no worker begin that is made of a text.
const IN_PAGE = { useWebWorkers: false };

/** All files of a zip. Throws where it can't be read, or would write outside of its folder. */
export async function filesOfZip(zip: Blob): Promise<CodeFile[]> {
  const reader = new ZipReader(new BlobReader(zip), { ...IN_PAGE, filenameValidation: "tolerant" });
  const entries = await reader.getEntries().catch(() => {
    throw new Error(NO_ZIP);
  });
  const files: CodeFile[] = [];
  for (const entry of entries) {
    if (entry.directory) continue;
    files.push(await unpacked(entry));
  }
  await reader.close();
  return files;
}

async function unpacked(entry: FileEntry): Promise<CodeFile> {
  const path = entry.filename.replaceAll("\\", "/");
  if (path.startsWith("/") || path.split("/").includes("..")) {
    throw new Error(`“${path}” in the zip lies outside of it.`);
  }
  if (entry.encrypted) throw new Error(`“${path}” in the zip is encrypted.`);
  const file = await entry.getData(new BlobWriter()).catch(() => {
    throw new Error(`“${path}” in the zip can't be unpacked.`);
  });
  return { path, file, isExecutable: entry.executable };
}
