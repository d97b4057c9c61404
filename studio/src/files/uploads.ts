/** Files on their way into a folder on screen, one after another. */
import { useEffect, useRef, useState } from "react";
import type { Sent } from "../api/datastores.ts";
import { failureText } from "../parts/States.tsx";
import type { ChosenFile } from "./chosenFiles.ts";

const LISTED_EVERY = 20;

export interface Sending {
  id: number;
  /** Where it goes, in the folder on screen. */
  path: string;
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

/** How far all of them are together, by their bytes; those that failed are over. */
export function shareOfAll(sendings: Sending[]): number {
  const weight = ({ file }: Sending) => file.size || 1;
  const whole = sendings.reduce((sum, one) => sum + weight(one), 0);
  const sent = sendings.reduce(
    (sum, one) => sum + weight(one) * (one.state === "failed" ? 1 : shareOf(one)),
    0,
  );
  return whole === 0 ? 0 : sent / whole;
}

export const pathIn = (folder: string, name: string) => (folder ? `${folder}/${name}` : name);

type Named = Pick<Sending, "id" | "path" | "file">;

/** Sends one file to its path in the folder on screen. */
export type SendFile = (path: string, overwrite: boolean, sent: Sent) => Promise<void>;

/** Uploads of a page, which end with it. Answers them, and what adds files. */
export function useUploads(sendFile: SendFile, onDone: () => void) {
  const [sendings, setSendings] = useState<Sending[]>([]);
  const stop = useRef<AbortController | null>(null);
  const chain = useRef(Promise.resolve());
  const nextId = useRef(0);
  const left = useRef(0);
  const done = useRef(onDone);
  done.current = onDone;
  useEffect(() => {
    const own = new AbortController();
    stop.current = own;
    return () => own.abort();
  }, []);

  const change = (id: number, part: Partial<Sending>) =>
    setSendings((all) => all.map((one) => (one.id === id ? { ...one, ...part } : one)));

  async function send({ id, path, file }: Named, overwrite: boolean, signal: AbortSignal) {
    if (signal.aborted) return;
    change(id, { state: "sending", why: "" });
    try {
      await sendFile(path, overwrite, {
        file,
        signal,
        onProgress: (sentBytes) => change(id, { sentBytes }),
      });
      change(id, { state: "done" });
    } catch (error) {
      change(id, { state: "failed", why: failureText(error).detail });
    }
    left.current -= 1;
    // The folder is listed anew when all are there, and now and then before.
    if (left.current % LISTED_EVERY === 0) done.current();
  }

  function enqueue(named: Named, overwrite: boolean) {
    const signal = stop.current?.signal;
    if (!signal) return;
    left.current += 1;
    chain.current = chain.current.then(() => send(named, overwrite, signal));
  }

  function add(files: ChosenFile[]) {
    const added = files.map(
      (one): Sending => ({ ...one, id: nextId.current++, sentBytes: 0, state: "waiting", why: "" }),
    );
    setSendings((all) => [...all.filter((one) => one.state !== "done"), ...added]);
    for (const one of added) enqueue(one, false);
  }

  function replace(one: Sending) {
    change(one.id, { state: "waiting", sentBytes: 0, why: "" });
    enqueue(one, true);
  }

  const dismiss = () =>
    setSendings((all) => all.filter(({ state }) => state === "waiting" || state === "sending"));
  return { sendings, add, replace, dismiss };
}
