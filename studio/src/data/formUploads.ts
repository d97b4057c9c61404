/** Uploads that the form of a dataset needs before it can be sent. */
import { type RefObject, useEffect, useRef, useState } from "react";
import { takeBackUpload, uploadFolder, uploadForAsset } from "../api/assets.ts";
import { type Sent, uploadFile } from "../api/datastores.ts";
import type { ChosenFile } from "../files/chosenFiles.ts";
import { pathIn } from "../files/uploads.ts";
import { contentHash } from "./contentHash.ts";

type SendOne = (below: string, sent: Sent) => Promise<void>;

/** A folder that files went to, and is the dataset's as soon as that is registered. */
interface Kept {
  folder: string;
  files: ChosenFile[];
}

/** Take back what was uploaded for a dataset that is not to be; what can't be is left to the collection. */
async function takeBack(kept: RefObject<Kept | null>): Promise<void> {
  const before = kept.current;
  kept.current = null;
  if (before) await takeBackUpload(before.folder).catch(() => {});
}

/** Answers what uploads files, and how far that is. When a form is sent again, what is there is not sent once more. */
export function useUploadsOfForm() {
  const [text, setText] = useState("");
  const stop = useRef<AbortController | null>(null);
  const sent = useRef(new Map<string, File>());
  const kept = useRef<Kept | null>(null);
  useEffect(() => {
    const own = new AbortController();
    stop.current = own;
    return () => {
      own.abort();
      void takeBack(kept);
    };
  }, []);

  async function sendAll(place: string, files: ChosenFile[], sendOne: SendOne) {
    const signal = stop.current?.signal ?? AbortSignal.abort();
    if (files.length === 0) throw new Error("Choose the files that the dataset is made of.");
    for (const [index, { path: below, file }] of files.entries()) {
      const key = `${place}/${below}`;
      if (sent.current.get(key) === file) continue;
      const count = `${index} of ${files.length} uploaded`;
      const onProgress = (sentBytes: number) =>
        setText(`${count}; ${below}: ${Math.floor((100 * sentBytes) / Math.max(file.size, 1))} %`);
      onProgress(0);
      await sendOne(below, { file, signal, onProgress });
      sent.current.set(key, file);
    }
    setText(`${files.length} of ${files.length} uploaded`);
    return signal;
  }

  const toDatastore = (name: string, folder: string, files: ChosenFile[], overwrite: boolean) =>
    sendAll(`${name}/${folder}`, files, (below, one) =>
      uploadFile({ name, path: pathIn(folder, below), overwrite, ...one }),
    );

  /** Send files into a folder of their own; other files than before begin another one. */
  async function toWorkspace(files: ChosenFile[]): Promise<{ folder: string; sha256: string }> {
    if (kept.current && kept.current.files !== files) await takeBack(kept);
    const { folder } = kept.current ?? { folder: uploadFolder() };
    kept.current = { folder, files };
    const signal = await sendAll(folder, files, (below, one) => uploadForAsset(folder, below, one));
    return { folder, sha256: await contentHash(files, signal) };
  }

  /** Say which folders the dataset has that was registered: what else was uploaded for it is taken back. */
  async function registered(folders: string[]) {
    if (kept.current && folders.includes(kept.current.folder)) kept.current = null;
    await takeBack(kept);
  }

  return { toDatastore, toWorkspace, registered, text };
}
