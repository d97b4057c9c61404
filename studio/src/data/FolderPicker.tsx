import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { listFiles } from "../api/datastores.ts";
import { bytes } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { failureText, Skeleton } from "../parts/States.tsx";
import { lastOf } from "./words.ts";

interface Props {
  datastore: string;
  picked: string;
  onPick: (path: string) => void;
}

const above = (folder: string) => folder.slice(0, Math.max(folder.lastIndexOf("/"), 0));

/** A folder of a datastore to choose from: opening a folder picks it, and so does clicking a file. */
export function FolderPicker({ datastore, picked, onPick }: Props) {
  const [folder, setFolder] = useState("");
  const found = useInfiniteQuery({
    queryKey: ["datastore-files", datastore, folder],
    queryFn: ({ signal, pageParam }) => listFiles(datastore, folder, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
  });
  const open = (path: string) => {
    setFolder(path);
    onPick(path);
  };
  const files = found.data?.pages.flatMap((page) => page.files) ?? [];
  return (
    <fieldset className="folder-picker" aria-label={`Files of ${datastore}`}>
      {folder && (
        <button type="button" className="item" onClick={() => open(above(folder))}>
          <Icon name="up" /> <span className="ellipsis grow">Out of {folder}</span>
        </button>
      )}
      {found.isPending && <Skeleton lines={3} label="Loading files" />}
      {found.isError && (
        <p className="quiet wrap-anywhere" role="alert">
          {failureText(found.error).detail}
        </p>
      )}
      {files.map((file) => (
        <button
          key={file.path}
          type="button"
          className="item"
          aria-pressed={file.path === picked}
          onClick={() => (file.is_dir ? open(file.path) : onPick(file.path))}
        >
          <Icon name={file.is_dir ? "folder" : "file"} />
          <span className="ellipsis grow">{lastOf(file.path)}</span>
          {file.size_bytes !== null && <span className="quiet number">{bytes(file.size_bytes)}</span>}
        </button>
      ))}
      {found.isSuccess && files.length === 0 && <p className="quiet">No files here.</p>}
      {found.hasNextPage && (
        <button type="button" className="item" onClick={() => void found.fetchNextPage()}>
          Show more
        </button>
      )}
    </fieldset>
  );
}
