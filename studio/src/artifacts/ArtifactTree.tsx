import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type ArtifactOwner, listArtifacts } from "../api/mlflow.ts";
import type { ArtifactEntry } from "../api/types.ts";
import { bytes } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { IconButton } from "../parts/IconButton.tsx";
import { failureText, Skeleton } from "../parts/States.tsx";

export function useFolder(owner: ArtifactOwner, folder: string, isLive = false) {
  return useQuery({
    queryKey: ["artifacts", owner, folder],
    queryFn: ({ signal }) => listArtifacts(owner, folder, signal),
    staleTime: 5000,
    refetchInterval: isLive ? 5000 : false,
  });
}

interface Props {
  owner: ArtifactOwner;
  selectedPath: string;
  isLive: boolean;
  hrefOf: (path: string) => string;
  onDelete?: ((entry: ArtifactEntry) => void) | undefined;
}

const isAbove = (folder: string, path: string) => path === folder || path.startsWith(`${folder}/`);

function Branch({ entry, ...props }: Props & { entry: ArtifactEntry }) {
  const [isOpen, setIsOpen] = useState(isAbove(entry.path, props.selectedPath));
  const { onDelete } = props;
  const name = entry.path.split("/").at(-1) ?? entry.path;
  if (!entry.isFolder) {
    return (
      <li>
        <a
          className="item"
          href={props.hrefOf(entry.path)}
          aria-current={entry.path === props.selectedPath ? "true" : undefined}
        >
          <Icon name="file" />
          <span className="ellipsis grow" title={entry.path}>
            {name}
          </span>
          {entry.byteCount !== null && <span className="quiet number">{bytes(entry.byteCount)}</span>}
        </a>
      </li>
    );
  }
  return (
    <li>
      <span className="row">
        <button type="button" className="item grow" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          <Icon name={isOpen ? "down" : "right"} size={12} />
          <Icon name="folder" />
          <span className="ellipsis grow">{name}</span>
        </button>
        {onDelete && (
          <IconButton icon="trash" label={`Delete the folder ${name}`} onClick={() => onDelete(entry)} />
        )}
      </span>
      {isOpen && <Folder {...props} folder={entry.path} />}
    </li>
  );
}

/** What is in a folder; folders inside it are read when they are opened. */
export function Folder({ folder, ...props }: Props & { folder: string }) {
  const listing = useFolder(props.owner, folder, props.isLive);
  if (listing.isPending) return <Skeleton lines={3} label="Loading files" />;
  if (listing.isError) return <p className="quiet card-note">{failureText(listing.error).detail}</p>;
  return (
    <ul className="tree">
      {listing.data.map((entry) => (
        <Branch key={entry.path} entry={entry} {...props} />
      ))}
      {listing.data.length === 0 && <li className="quiet item">Empty</li>}
    </ul>
  );
}
