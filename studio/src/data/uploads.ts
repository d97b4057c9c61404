/** Files on their way into a folder of a datastore, one after another. */
import { useEffect, useRef, useState } from "react";
import { uploadFile } from "../api/datastores.ts";
import { failureText } from "../parts/States.tsx";

export interface Sending {
  id: number;
  file: File;
  sentBytes: number;
  state: "waiting" | "sending" | "done" | "failed";
  why: string;
}

/** How far all of it is, from 0 to 1; a file without bytes counts when it is done. */
export function shareOf({ file, sentBytes, state }: Sending): number {
  if (state === "done") return 1;
  if (state === "failed") return 0;
  // The browser counts what it has handed on, and an answer is still to come.
  return file.size === 0 ? 0 : Math.min(sentBytes / file.size, 0.99);
}

export const pathIn = (folder: string, name: string) => (folder ? `${folder}/${name}` : name);

/** Uploads of a page, which end with it. Answers them, and what adds files. */
export function useUploads(datastore: string, folder: string, onDone: () => void) {
  const [sendings, setSendings] = useState<Sending[]>([]);
  const stop = useRef<AbortController | null>(null);
  const chain = useRef(Promise.resolve());
  const nextId = useRef(0);
  const done = useRef(onDone);
  done.current = onDone;
  useEffect(() => {
    const own = new AbortController();
    stop.current = own;
    return () => own.abort();
  }, []);

  const change = (id: number, part: Partial<Sending>) =>
    setSendings((all) => all.map((one) => (one.id === id ? { ...one, ...part } : one)));

  async function send(id: number, file: File, overwrite: boolean, signal: AbortSignal) {
    if (signal.aborted) return;
    change(id, { state: "sending", why: "" });
    try {
      await uploadFile({
        name: datastore,
        path: pathIn(folder, file.name),
        file,
        overwrite,
        signal,
        onProgress: (sentBytes) => change(id, { sentBytes }),
      });
      change(id, { state: "done" });
      done.current();
    } catch (error) {
      change(id, { state: "failed", why: failureText(error).detail });
    }
  }

  function enqueue(id: number, file: File, overwrite: boolean) {
    const signal = stop.current?.signal;
    if (signal) chain.current = chain.current.then(() => send(id, file, overwrite, signal));
  }

  function add(files: File[]) {
    const added = files.map(
      (file): Sending => ({ id: nextId.current++, file, sentBytes: 0, state: "waiting", why: "" }),
    );
    setSendings((all) => [...all.filter((one) => one.state !== "done"), ...added]);
    for (const { id, file } of added) enqueue(id, file, false);
  }

  function replace({ id, file }: Sending) {
    change(id, { state: "waiting", sentBytes: 0, why: "" });
    enqueue(id, file, true);
  }

  const dismiss = () =>
    setSendings((all) => all.filter(({ state }) => state === "waiting" || state === "sending"));
  return { sendings, add, replace, dismiss };
}
