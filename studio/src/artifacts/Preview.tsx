import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { type FileOwner, fetchArtifact } from "../api/mlflow.ts";
import type { ArtifactEntry } from "../api/types.ts";
import { download } from "../charts/download.ts";
import { CopyButton } from "../parts/CopyButton.tsx";
import { bytes } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { Empty, Failure, Skeleton } from "../parts/States.tsx";
import { csvTable, loggedTable, type TextTable } from "./csvTable.ts";
import { ImageView } from "./ImageView.tsx";
import {
  HEAD_BYTES,
  isBinary,
  isReadInPart,
  LARGEST_PREVIEW_BYTES,
  previewKind,
  separatorOf,
  wholeLines,
} from "./kinds.ts";

const LONGEST_TEXT = 300_000;

const nameOf = (path: string) => path.split("/").at(-1) ?? path;

function TableView({ table }: { table: TextTable }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className="preview-scroll" tabIndex={0} aria-label="Rows of the file">
      <table className="list data">
        <thead>
          <tr>
            {table.header.map((name, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: names of columns may repeat
              <th key={index} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of a file have no other name
            <tr key={at}>
              {row.map((cell, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: nor have their cells
                <td key={index}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {table.isCut && (
        <p className="quiet card-note">The first {table.rows.length} rows. Download it for the rest.</p>
      )}
    </section>
  );
}

function TextView({ text }: { text: string }) {
  const isCut = text.length > LONGEST_TEXT;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className="preview-scroll" tabIndex={0} aria-label="Text of the file">
      <pre className="file-text">{isCut ? text.slice(0, LONGEST_TEXT) : text}</pre>
      {isCut && <p className="quiet card-note">The first part of the file. Download it for the rest.</p>}
    </section>
  );
}

function JsonView({ text }: { text: string }) {
  const parsed = useMemo(() => {
    try {
      const value: unknown = JSON.parse(text);
      return { table: loggedTable(value), text: JSON.stringify(value, null, 2) };
    } catch {
      // NaN, comments, several values: shown as it stands.
      return { table: null, text };
    }
  }, [text]);
  return parsed.table ? <TableView table={parsed.table} /> : <TextView text={parsed.text} />;
}

interface TextProps {
  blob: Blob;
  path: string;
  isHead: boolean;
  separator: string | undefined;
}

function TextKind({ blob, path, isHead, separator }: TextProps) {
  const { data: text } = useQuery({
    queryKey: ["artifact-text", path, blob.size, isHead],
    queryFn: async () => (isHead ? wholeLines(await blob.text()) : blob.text()),
    gcTime: 0,
    staleTime: 0,
  });
  if (text === undefined) return <Skeleton lines={5} label="Reading the file" />;
  if (isBinary(text)) return <Empty title="This file is not text" />;
  const kind = previewKind(path);
  if (separator !== undefined || kind === "table") {
    return <TableView table={csvTable(text, separator ?? separatorOf(path))} />;
  }
  return kind === "json" ? <JsonView text={text} /> : <TextView text={text} />;
}

interface Props {
  owner: FileOwner;
  entry: ArtifactEntry;
  /** What stands between the values of a line, where more is known of the file than its name. */
  separator?: string | undefined;
}

function Content({ owner, entry, separator }: Props) {
  const kind = previewKind(entry.path);
  const isLarge = (entry.byteCount ?? 0) > LARGEST_PREVIEW_BYTES;
  const isHead = isLarge && isReadInPart(kind);
  const isTooLarge = isLarge && !isHead;
  const file = useQuery({
    queryKey: ["artifact", owner, entry.path, entry.byteCount],
    queryFn: ({ signal }) => fetchArtifact(owner, entry.path, signal, isHead ? HEAD_BYTES : undefined),
    enabled: kind !== "none" && !isTooLarge,
    staleTime: 5000,
    gcTime: 30_000,
  });
  if (kind === "none" || isTooLarge) {
    return <Empty title={isTooLarge ? "Too large to show here" : "No preview for this kind of file"} />;
  }
  if (file.isPending) return <Skeleton lines={6} label="Loading the file" />;
  if (file.isError) return <Failure error={file.error} onRetry={() => void file.refetch()} />;
  if (kind === "image") {
    return (
      <div className="preview-image">
        <ImageView blob={file.data} path={entry.path} alt={nameOf(entry.path)} />
      </div>
    );
  }
  return (
    <>
      {isHead && <p className="quiet card-note">Only the first {bytes(HEAD_BYTES)} are shown.</p>}
      <TextKind blob={file.data} path={entry.path} isHead={isHead} separator={separator} />
    </>
  );
}

interface Shown extends Props {
  onDelete?: (() => void) | undefined;
}

/** One file: its name, what can be done with it, and what is in it. */
export function Preview({ owner, entry, separator, onDelete }: Shown) {
  const [failure, setFailure] = useState<unknown>(null);
  async function save() {
    setFailure(null);
    try {
      download(await fetchArtifact(owner, entry.path), nameOf(entry.path));
    } catch (error) {
      setFailure(error);
    }
  }
  return (
    <section className="preview" aria-label={`File ${entry.path}`}>
      <header className="row wrap">
        <strong className="wrap-anywhere grow">{entry.path}</strong>
        {entry.byteCount !== null && <span className="quiet number">{bytes(entry.byteCount)}</span>}
        <CopyButton text={entry.path} label="Copy the path" />
        <button type="button" className="button small" onClick={() => void save()}>
          <Icon name="download" /> Download
        </button>
        {onDelete && (
          <button type="button" className="button small danger" onClick={onDelete}>
            <Icon name="trash" /> Delete
          </button>
        )}
      </header>
      {failure !== null && <Failure error={failure} />}
      <Content key={entry.path} owner={owner} entry={entry} separator={separator} />
    </section>
  );
}
