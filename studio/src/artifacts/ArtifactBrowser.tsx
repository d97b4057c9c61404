import type { ReactNode } from "react";
import type { ArtifactOwner } from "../api/mlflow.ts";
import type { ArtifactEntry } from "../api/types.ts";
import { Empty, Failure, Skeleton } from "../parts/States.tsx";
import { Folder, useFolder } from "./ArtifactTree.tsx";
import { Preview } from "./Preview.tsx";

interface Props {
  owner: ArtifactOwner;
  selectedPath: string;
  isLive: boolean;
  hrefOf: (path: string) => string;
  /** What stands there when there are no files. */
  empty?: ReactNode;
  /** Asks whether a file or a folder is to go. */
  onDelete?: ((entry: ArtifactEntry) => void) | undefined;
}

const folderOf = (path: string) => path.split("/").slice(0, -1).join("/");

function Selected({ owner, selectedPath, onDelete }: Props) {
  const siblings = useFolder(owner, folderOf(selectedPath));
  if (selectedPath === "") {
    return <p className="quiet card-note">Choose a file to look at it.</p>;
  }
  if (siblings.isPending) return <Skeleton lines={4} label="Loading the file" />;
  if (siblings.isError) return <Failure error={siblings.error} onRetry={() => void siblings.refetch()} />;
  const entry = siblings.data.find((one) => one.path === selectedPath);
  if (!entry) return <Empty title="There is no such file" />;
  if (entry.isFolder) return <p className="quiet card-note">Choose a file in {entry.path}.</p>;
  return (
    <Preview key={entry.path} owner={owner} entry={entry} onDelete={onDelete && (() => onDelete(entry))} />
  );
}

/** The files of a run or a model: a tree, and the chosen file beside it. */
export function ArtifactBrowser(props: Props) {
  const top = useFolder(props.owner, "", props.isLive);
  if (top.data?.length === 0) {
    return (
      props.empty ?? (
        <Empty title="No files">
          <p className="quiet">
            What <code>mlflow.log_artifact</code>, <code>log_figure</code> and <code>log_model</code> write
            shows up here.
          </p>
        </Empty>
      )
    );
  }
  return (
    <div className="card artifacts">
      <nav className="artifact-tree" aria-label="Files">
        <Folder {...props} folder="" />
      </nav>
      <Selected {...props} />
    </div>
  );
}
