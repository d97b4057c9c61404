/** Reads one stream of a console as it grows: what was read is never asked for again. */
import type { ConsolePiece } from "../api/console.ts";
import { LogLines, MOST_LETTERS } from "./lines.ts";

/** So many pieces are under way at a time: the next ones come while one is taken apart. */
const AHEAD = 4;

export type ReadPiece = (path: string, fromByte: number, signal: AbortSignal) => Promise<Uint8Array>;

export class LogReader {
  readonly lines: LogLines;
  /** How many bytes at the beginning were left out because the whole is too much for a tab. */
  skippedBytes = 0;
  readBytes = 0;
  #offsets = new Map<string, number>();
  readonly #decoder = new TextDecoder("utf-8");
  readonly #read: ReadPiece;
  readonly #mostBytes: number;

  constructor(read: ReadPiece, mostBytes = MOST_LETTERS) {
    this.#read = read;
    this.#mostBytes = mostBytes;
    this.lines = new LogLines(mostBytes);
  }

  /** Read what the pieces have more than before; `onNews` is told after each one that was taken in, and waited for. */
  async follow(pieces: ConsolePiece[], signal: AbortSignal, onNews: () => unknown): Promise<void> {
    if (this.#offsets.size === 0) this.#skip(pieces);
    const due = pieces.filter((piece) => piece.byteCount > (this.#offsets.get(piece.path) ?? 0));
    const coming: Promise<Uint8Array>[] = [];
    const ask = (at: number) => {
      const piece = due[at];
      if (!piece) return;
      const asked = this.#read(piece.path, this.#offsets.get(piece.path) ?? 0, signal);
      // Whoever waits for it is told; nobody does once an earlier one has failed.
      asked.catch(() => undefined);
      coming[at] = asked;
    };
    for (let at = 0; at < AHEAD; at++) ask(at);
    for (const [at, piece] of due.entries()) {
      const bytes = (await coming[at]) ?? new Uint8Array();
      if (signal.aborted) return;
      delete coming[at];
      ask(at + AHEAD);
      this.#offsets.set(piece.path, (this.#offsets.get(piece.path) ?? 0) + bytes.length);
      this.readBytes += bytes.length;
      this.lines.add(this.#decoder.decode(bytes, { stream: true }));
      await onNews();
    }
  }

  /** Begin so far back from the end as is kept. */
  #skip(pieces: ConsolePiece[]): void {
    let kept = 0;
    const back = [...pieces].reverse().findIndex((piece) => {
      kept += piece.byteCount;
      return kept > this.#mostBytes;
    });
    const first = back < 0 ? 0 : pieces.length - back;
    for (const piece of pieces.slice(0, first)) {
      this.#offsets.set(piece.path, Number.POSITIVE_INFINITY);
      this.skippedBytes += piece.byteCount;
    }
  }
}
