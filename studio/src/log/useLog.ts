import { useEffect, useMemo, useRef, useState } from "react";
import { type ConsolePiece, readConsole } from "../api/console.ts";
import type { LogLines } from "./lines.ts";
import { LogReader } from "./reader.ts";
import { LogSearch } from "./search.ts";

/** How long the page may be busy before it is let draw. */
const BUSY_MS = 12;

const nextFrame = () => new Promise((resolve) => setTimeout(resolve, 0));

export interface Log {
  lines: LogLines;
  /** Goes up whenever there is more. */
  version: number;
  readBytes: number;
  skippedBytes: number;
  isReading: boolean;
  error: unknown;
  retry: () => void;
}

/** One stream of a run's console, read on whenever its pieces have grown. */
export function useLog(runId: string, pieces: ConsolePiece[]): Log {
  const reader = useMemo(
    () => new LogReader((path, fromByte, signal) => readConsole(runId, path, fromByte, signal)),
    [runId],
  );
  const [version, setVersion] = useState(0);
  const [isReading, setIsReading] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [tries, setTries] = useState(0);
  const queue = useRef<Promise<void>>(Promise.resolve());
  const control = useRef(new AbortController());
  // The pieces as one word: they come anew with each poll, and mostly nothing of them is.
  const state = pieces.map(({ path, byteCount }) => `${path} ${byteCount}`).join("\n");
  const newest = useRef(pieces);
  newest.current = pieces;

  useEffect(() => {
    control.current = new AbortController();
    return () => control.current.abort();
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `state` and `tries` say when to read
  useEffect(() => {
    const { signal } = control.current;
    let lastDrawn = performance.now();
    const read = async () => {
      if (signal.aborted) return;
      setIsReading(true);
      await reader.follow(newest.current, signal, async () => {
        if (performance.now() - lastDrawn < BUSY_MS) return;
        setVersion((number) => number + 1);
        await nextFrame();
        lastDrawn = performance.now();
      });
      setError(null);
    };
    // One after the other, and none is broken off: each begins where the one before has ended.
    queue.current = queue.current
      .then(read)
      .catch((failure: unknown) => {
        if (!signal.aborted) setError(failure);
      })
      .then(() => {
        setVersion((number) => number + 1);
        setIsReading(false);
      });
  }, [reader, state, tries]);

  return {
    lines: reader.lines,
    version,
    readBytes: reader.readBytes,
    skippedBytes: reader.skippedBytes,
    isReading,
    error,
    retry: () => setTries((number) => number + 1),
  };
}

/** The lines that hold a text, found a bit at a time so that the page stays awake; null without a text. */
export function useLogSearch(log: Log, text: string): { found: number[] | null; isDone: boolean } {
  const search = useMemo(() => (text ? new LogSearch(text) : null), [text]);
  const [, setStep] = useState(0);
  const done = useRef<LogSearch | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` says when there is more to search
  useEffect(() => {
    if (!search) return;
    let isGone = false;
    const work = () => {
      if (isGone) return;
      const until = performance.now() + BUSY_MS;
      done.current = search.goOn(log.lines, () => performance.now() > until) ? search : null;
      setStep((step) => step + 1);
      if (!done.current) setTimeout(work, 0);
    };
    work();
    return () => {
      isGone = true;
    };
  }, [search, log.lines, log.version]);

  return { found: search ? search.lines : null, isDone: done.current === search };
}
