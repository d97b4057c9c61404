import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { type ConsolePiece, listConsole, STREAMS, type Stream } from "../api/console.ts";
import { useUrlQuery } from "../app/location.ts";
import { bytes } from "../parts/format.ts";
import { Loaded } from "../parts/Loaded.tsx";
import { Snippet } from "../parts/Snippet.tsx";
import { Empty } from "../parts/States.tsx";
import { LogPane } from "./LogPane.tsx";
import { shownStream } from "./streams.ts";

const LIVE_MS = 1000;
const QUIET_MS = 15_000;
const STREAM_NAMES: Record<Stream, string> = {
  stdout: "Output",
  stderr: "Errors",
  setup: "Preparation",
};

interface Props {
  runId: string;
  /** Whether more may come. */
  isLive: boolean;
  hasFailed: boolean;
  isJob: boolean;
}

/** What the script of a run has printed, and prints. */
export function LogTab({ runId, isLive, hasFailed, isJob }: Props) {
  const [query, change] = useUrlQuery();
  const pieces = useQuery({
    queryKey: ["console", runId],
    queryFn: ({ signal }) => listConsole(runId, signal),
    // A tab that nobody sees asks for nothing; it reads on when somebody does.
    refetchInterval: isLive ? LIVE_MS : QUIET_MS,
  });
  const { refetch } = pieces;
  // The last of it came right before the end.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the end is when to look once more
  useEffect(() => {
    void refetch();
  }, [isLive, refetch]);
  return (
    <Loaded query={pieces} label="Loading the log">
      {(all) => {
        if (all.length === 0) return <NothingPrinted isLive={isLive} isJob={isJob} />;
        const attempts = [...new Set(all.map(({ attempt }) => attempt))];
        const attempt = attempts.find((one) => String(one) === query.get("attempt")) ?? attempts.at(-1) ?? 1;
        const own = all.filter((piece) => piece.attempt === attempt);
        const stream = shownStream(own, query.get("stream"), hasFailed);
        return (
          <section className="card log" aria-label="Log">
            <div className="row wrap log-tools">
              <fieldset className="segments" aria-label="Stream">
                {STREAMS.map((one) => (
                  <StreamButton
                    key={one}
                    name={STREAM_NAMES[one]}
                    pieces={own.filter((piece) => piece.stream === one)}
                    isShown={one === stream}
                    onChoose={() => change({ stream: one })}
                  />
                ))}
              </fieldset>
              {attempts.length > 1 && (
                <select
                  className="field"
                  aria-label="Attempt"
                  value={attempt}
                  onChange={(event) => change({ attempt: event.target.value })}
                >
                  {attempts.map((one) => (
                    <option key={one} value={one}>
                      Attempt {one}
                    </option>
                  ))}
                </select>
              )}
            </div>
            <LogPane
              key={`${attempt} ${stream}`}
              runId={runId}
              label={`${STREAM_NAMES[stream]} of the script`}
              fileName={`${runId}-${attempts.length > 1 ? `attempt-${attempt}-` : ""}${stream}.log`}
              pieces={own.filter((piece) => piece.stream === stream)}
              isLive={isLive && attempt === attempts.at(-1)}
            />
          </section>
        );
      }}
    </Loaded>
  );
}

function StreamButton(props: {
  name: string;
  pieces: ConsolePiece[];
  isShown: boolean;
  onChoose: () => void;
}) {
  const size = props.pieces.reduce((sum, piece) => sum + piece.byteCount, 0);
  return (
    <button type="button" className="button" aria-pressed={props.isShown} onClick={props.onChoose}>
      {props.name} <span className="quiet number wide-only">{size > 0 ? bytes(size) : "–"}</span>
    </button>
  );
}

function NothingPrinted({ isLive, isJob }: { isLive: boolean; isJob: boolean }) {
  if (isJob) {
    return (
      <Empty title={isLive ? "Nothing was printed yet" : "Nothing was printed"}>
        {isLive && <p className="quiet">What the script prints appears here by itself.</p>}
      </Empty>
    );
  }
  return (
    <Empty title="What this run printed was not kept">
      <p className="quiet">It is for jobs, and for scripts that are run like this:</p>
      <Snippet code="runyard run train.py" />
    </Empty>
  );
}
