/** What scripts print, which is kept among the artifacts of their runs in pieces. */
import { listArtifacts } from "./mlflow.ts";
import { Refused, send } from "./transport.ts";
import type { ArtifactEntry } from "./types.ts";

export const STREAMS = ["stdout", "stderr", "setup"] as const;
export type Stream = (typeof STREAMS)[number];

/** A file with a part of one stream; it grows until the next one begins. */
export interface ConsolePiece {
  attempt: number;
  stream: Stream;
  number: number;
  path: string;
  byteCount: number;
}

const FOLDER = "console";
const ATTEMPT = /^console\/attempt-\d+$/;
const PIECE = /^console\/(?:attempt-(\d+)\/)?(setup|stdout|stderr)\.(\d+)\.log$/;

/** The pieces among files, in the order in which they were printed. Pure. */
export function piecesAmong(entries: ArtifactEntry[]): ConsolePiece[] {
  const pieces = entries.flatMap(({ path, byteCount }) => {
    const found = PIECE.exec(path);
    if (!found) return [];
    const [, attempt, stream, number] = found;
    return [
      {
        attempt: Number(attempt ?? 1),
        stream: stream as Stream,
        number: Number(number),
        path,
        byteCount: byteCount ?? 0,
      },
    ];
  });
  return pieces.sort((a, b) => a.attempt - b.attempt || a.number - b.number);
}

export async function listConsole(runId: string, signal?: AbortSignal): Promise<ConsolePiece[]> {
  const owner = { kind: "run" as const, runId };
  const top = await listArtifacts(owner, FOLDER, signal);
  const attempts = top.filter((entry) => entry.isFolder && ATTEMPT.test(entry.path));
  const below = await Promise.all(attempts.map(({ path }) => listArtifacts(owner, path, signal)));
  return piecesAmong([...top, ...below.flat()]);
}

export const consolePath = (runId: string, path: string) =>
  `get-artifact?${new URLSearchParams({ run_uuid: runId, path })}`;

/** The bytes of a piece from an offset on; none if it does not go that far, or was removed. */
export async function readConsole(
  runId: string,
  path: string,
  fromByte: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  try {
    const response = await send(consolePath(runId, path), {
      headers: { Range: `bytes=${fromByte}-` },
      ...(signal ? { signal } : {}),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    return response.status === 206 ? bytes : bytes.subarray(fromByte);
  } catch (error) {
    if (error instanceof Refused && (error.status === 416 || error.status === 404)) return new Uint8Array();
    throw error;
  }
}
