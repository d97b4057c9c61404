import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useMemo, useState } from "react";
import { mayIn, useCaller } from "../api/caller.ts";
import { folderOfRun, uploadArtifact } from "../api/logging.ts";
import type { ArtifactEntry, Run } from "../api/types.ts";
import { go } from "../app/location.ts";
import { runHash } from "../app/route.ts";
import { ArtifactBrowser } from "../artifacts/ArtifactBrowser.tsx";
import type { ChosenFile } from "../files/chosenFiles.ts";
import { DropZone } from "../files/DropZone.tsx";
import { FilesButton } from "../files/FilesButton.tsx";
import { UploadsCard } from "../files/UploadsCard.tsx";
import { pathIn, useUploads } from "../files/uploads.ts";
import { Empty, Failure } from "../parts/States.tsx";
import { RemoveDialog } from "./PartDialogs.tsx";

/** The files of a run: looked at, added to and deleted by those who may. */
export function RunFiles({ run, path }: { run: Run; path: string }) {
  const caller = useCaller();
  const [doomed, setDoomed] = useState<ArtifactEntry | null>(null);
  const folder = folderOfRun(run.artifactUri);
  const mayUpload = !run.isDeleted && folder !== null && mayIn(caller, "CONTRIBUTE", run.experimentId);
  const mayDelete = !run.isDeleted && folder !== null && mayIn(caller, "MANAGE", run.experimentId);
  const hrefOf = (one: string) => runHash(run.experimentId, run.runId, "artifacts", one);
  const owner = useMemo(() => ({ kind: "run" as const, runId: run.runId }), [run.runId]);
  const browser = (
    <ArtifactBrowser
      owner={owner}
      selectedPath={path}
      isLive={run.status === "RUNNING"}
      hrefOf={hrefOf}
      onDelete={mayDelete ? setDoomed : undefined}
      {...(mayUpload && { empty: <NoFiles /> })}
    />
  );
  return (
    <div className="stack">
      {mayUpload ? (
        <Uploads runId={run.runId} folder={folder}>
          {browser}
        </Uploads>
      ) : (
        browser
      )}
      {doomed && (
        <RemoveDialog
          run={run}
          kind="artifact"
          name={doomed.path}
          onDone={() => {
            if (pathIn(path, "").startsWith(`${doomed.path}/`)) go(hrefOf(""));
          }}
          onClose={() => setDoomed(null)}
        />
      )}
    </div>
  );
}

function NoFiles() {
  return (
    <Empty title="No files">
      <p className="quiet">
        Upload or drop some; what <code>mlflow.log_artifact</code>, <code>log_figure</code> and{" "}
        <code>log_model</code> write shows up here as well.
      </p>
    </Empty>
  );
}

interface UploadsProps {
  runId: string;
  folder: string;
  children: ReactNode;
}

/** Where files are chosen and dropped, around what is there. */
function Uploads({ runId, folder, children }: UploadsProps) {
  const queries = useQueryClient();
  const [dropFailure, setDropFailure] = useState<unknown>(null);
  const uploads = useUploads(
    (path, _, sent) => uploadArtifact(folder, path, sent),
    () => void queries.invalidateQueries({ queryKey: ["artifacts", { kind: "run", runId }] }),
  );
  const add = (files: ChosenFile[]) => {
    setDropFailure(null);
    uploads.add(files);
  };
  return (
    <DropZone label="Drop files or folders to upload them here" onFiles={add} onFailure={setDropFailure}>
      <div className="stack">
        <div className="row wrap">
          <FilesButton icon="plus" text="Upload files" label="Files to upload" onFiles={add} />
          <FilesButton icon="folder" text="Upload a folder" label="Folder to upload" isFolder onFiles={add} />
          <span className="quiet">or drop them here; a file of the same path is replaced.</span>
        </div>
        {dropFailure !== null && <Failure error={dropFailure} />}
        {uploads.sendings.length > 0 && (
          <UploadsCard sendings={uploads.sendings} onReplace={uploads.replace} onDismiss={uploads.dismiss} />
        )}
        {children}
      </div>
    </DropZone>
  );
}
