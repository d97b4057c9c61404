/** Which stream of a console one wants to see first. Pure. */
import { type ConsolePiece, STREAMS, type Stream } from "../api/console.ts";

/** What was asked for, else where it says why it failed, else the first that has something in it. */
export function shownStream(pieces: ConsolePiece[], asked: string | null, hasFailed: boolean): Stream {
  const chosen = STREAMS.find((one) => one === asked);
  if (chosen) return chosen;
  const hasPrinted = (stream: Stream) => pieces.some((one) => one.stream === stream && one.byteCount > 0);
  if (hasFailed && hasPrinted("stderr")) return "stderr";
  return STREAMS.find(hasPrinted) ?? "stdout";
}
