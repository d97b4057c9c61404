import { type KeyboardEvent, useEffect, useMemo, useState } from "react";
import { type ConsolePiece, consolePath } from "../api/console.ts";
import { send } from "../api/transport.ts";
import { download } from "../charts/download.ts";
import { bytes, plural } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { IconButton } from "../parts/IconButton.tsx";
import { SearchField } from "../parts/SearchField.tsx";
import { failureText } from "../parts/States.tsx";
import { LogText } from "./LogText.tsx";
import { patternOf } from "./search.ts";
import { useLog, useLogSearch } from "./useLog.ts";

interface Props {
  runId: string;
  /** What the stream is called, and what its file is called when it is downloaded. */
  label: string;
  fileName: string;
  pieces: ConsolePiece[];
  isLive: boolean;
}

/** One stream of a console: its lines, a search in them, and what else one does with a log. */
export function LogPane({ runId, label, fileName, pieces, isLive }: Props) {
  const log = useLog(runId, pieces);
  const [text, setText] = useState("");
  const [isFiltered, setIsFiltered] = useState(false);
  const [isWrapped, setIsWrapped] = useState(false);
  const [isFollowing, setIsFollowing] = useState(true);
  const [at, setAt] = useState<number | null>(null);
  /** Where Enter is to go once that is found: it may come before the search has begun. */
  const [wish, setWish] = useState<1 | -1 | null>(null);
  const { found, isDone } = useLogSearch(log, text);
  const pattern = useMemo(() => (text ? patternOf(text) : null), [text]);
  const current = found && at !== null ? (found[at] ?? null) : null;

  function goTo(by: number) {
    if (!found || found.length === 0) return;
    setIsFollowing(false);
    setAt(at === null ? (by > 0 ? 0 : found.length - 1) : (at + by + found.length) % found.length);
  }

  useEffect(() => {
    // The last match is known when all is searched, the next one as soon as there is any.
    if (!wish || !found || !(isDone || (wish > 0 && found.length > 0))) return;
    setWish(null);
    goTo(wish);
  });

  function pressed(event: KeyboardEvent) {
    // The buttons beside the field have an Enter of their own.
    if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
    event.preventDefault();
    setWish(event.shiftKey ? -1 : 1);
  }

  const totalBytes = pieces.reduce((sum, piece) => sum + piece.byteCount, 0);
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: Enter in the field goes to the next one */}
      <div className="row wrap log-tools" onKeyDown={pressed}>
        <SearchField
          label="Search the log"
          value={text}
          onChange={(next) => {
            setText(next);
            setAt(null);
            setWish(null);
          }}
        />
        {found && (
          <span className="quiet number" role="status">
            {at !== null && found.length > 0 ? `${(at + 1).toLocaleString("en")} of ` : ""}
            {found.length.toLocaleString("en")} found
            {isDone ? "" : "…"}
          </span>
        )}
        {found && (
          <span className="row">
            <IconButton icon="up" label="The match before" onClick={() => goTo(-1)} />
            <IconButton icon="down" label="The next match" onClick={() => goTo(1)} />
            <Toggle label="Only these lines" isOn={isFiltered} onChange={setIsFiltered} />
          </span>
        )}
        <span className="grow" />
        <span className="quiet number">
          {plural(log.lines.count, "line")}, {bytes(totalBytes)}
        </span>
        <Toggle label="Wrap" isOn={isWrapped} onChange={setIsWrapped} />
        <Toggle label="Follow" isOn={isFollowing} onChange={setIsFollowing} />
        <DownloadButton runId={runId} pieces={pieces} fileName={fileName} totalBytes={totalBytes} />
      </div>
      {log.error !== null && (
        <p className="note bad" role="alert">
          {failureText(log.error).title}.
          <button type="button" className="button small" onClick={log.retry}>
            Try again
          </button>
        </p>
      )}
      {log.skippedBytes > 0 && (
        <p className="note">
          The first {bytes(log.skippedBytes)} are left out here, and lines are counted behind them. Download
          it for all.
        </p>
      )}
      {log.lines.first > 0 && (
        <p className="note">
          The first {plural(log.lines.first, "line")} are not shown any more. Download it for all.
        </p>
      )}
      <LogText
        label={label}
        lines={log.lines}
        version={log.version}
        only={isFiltered ? found : null}
        pattern={pattern}
        current={current}
        isWrapped={isWrapped}
        isFollowing={isFollowing}
        onFollow={setIsFollowing}
      />
      <p className="quiet log-state" role="status">
        {stateText(log.isReading && log.readBytes < totalBytes - log.skippedBytes, isLive)}
      </p>
    </>
  );
}

function stateText(isReading: boolean, isLive: boolean): string {
  if (isReading) return "Loading…";
  return isLive ? "Live: more appears here by itself." : "The end.";
}

function Toggle(props: { label: string; isOn: boolean; onChange: (isOn: boolean) => void }) {
  return (
    <button
      type="button"
      className="button small"
      aria-pressed={props.isOn}
      onClick={() => props.onChange(!props.isOn)}
    >
      {props.label}
    </button>
  );
}

/** Larger ones than this are not put together in memory. */
const MOST_DOWNLOADED_BYTES = 1_000_000_000;

function DownloadButton(props: Pick<Props, "runId" | "pieces" | "fileName"> & { totalBytes: number }) {
  const { runId, pieces, fileName, totalBytes } = props;
  const [isBusy, setIsBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  async function save() {
    setIsBusy(true);
    setFailure(null);
    try {
      const parts: Blob[] = [];
      for (const { path } of pieces) parts.push(await (await send(consolePath(runId, path))).blob());
      download(new Blob(parts, { type: "text/plain" }), fileName);
    } catch (error) {
      setFailure(error);
    }
    setIsBusy(false);
  }
  if (totalBytes > MOST_DOWNLOADED_BYTES) {
    return <span className="quiet">Too large to download at once: its parts are among the artifacts.</span>;
  }
  return (
    <>
      <button type="button" className="button small" disabled={isBusy} onClick={() => void save()}>
        <Icon name="download" /> {isBusy ? "Downloading…" : "Download"}
      </button>
      {failure !== null && (
        <span className="note bad" role="alert">
          {failureText(failure).detail}
        </span>
      )}
    </>
  );
}
