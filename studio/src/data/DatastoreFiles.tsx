import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { may, useCaller } from "../api/caller.ts";
import {
  type Datastore,
  type DatastoreFile,
  deleteFiles,
  fileAddress,
  listFiles,
  uploadFile,
} from "../api/datastores.ts";
import { useUrlQuery } from "../app/location.ts";
import { datastoreFileHash, datastoreHash } from "../app/route.ts";
import { DropZone } from "../files/DropZone.tsx";
import { FilesButton } from "../files/FilesButton.tsx";
import { UploadsCard } from "../files/UploadsCard.tsx";
import { pathIn, useUploads } from "../files/uploads.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { TextField, textOf } from "../parts/fields.tsx";
import { bytes } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { IconButton } from "../parts/IconButton.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Empty, Failure } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { FileDialog } from "./FileDialog.tsx";
import { ARTIFACT_STORE, lastOf } from "./words.ts";

/** A folder of a datastore: looked through, filled, emptied. */
export function DatastoreFiles({ datastore, folder }: { datastore: Datastore; folder: string }) {
  const { name } = datastore;
  const caller = useCaller();
  const queries = useQueryClient();
  const [dropFailure, setDropFailure] = useState<unknown>(null);
  const [doomed, setDoomed] = useState<DatastoreFile | null>(null);
  const [query, change] = useUrlQuery();
  const shownFile = query.get("file");
  const refresh = () => queries.invalidateQueries({ queryKey: ["datastore-files", name] });
  const uploads = useUploads(
    (path, overwrite, sent) => uploadFile({ name, path: pathIn(folder, path), overwrite, ...sent }),
    () => void refresh(),
  );
  const isOfRuns = name === ARTIFACT_STORE;
  const mayUpload = may(caller, "CONTRIBUTE") && !isOfRuns;
  const mayDelete = may(caller, "MANAGE") && !isOfRuns;
  const found = useInfiniteQuery({
    queryKey: ["datastore-files", name, folder],
    queryFn: ({ signal, pageParam }) => listFiles(name, folder, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
  });
  return (
    <>
      <FolderCrumbs name={name} folder={folder} />
      <Loaded query={found} label="Loading files">
        {(data) => {
          const files = data.pages.flatMap((page) => page.files);
          const table = (
            <TableCard
              title="Files"
              columns={["Name", "Size", "-Actions"]}
              tools={
                <>
                  {mayUpload && (
                    <>
                      <FilesButton
                        icon="plus"
                        text="Upload files"
                        label="Files to upload"
                        isPrimary
                        onFiles={uploads.add}
                      />
                      <FilesButton
                        icon="folder"
                        text="Upload a folder"
                        label="Folder to upload"
                        isFolder
                        onFiles={uploads.add}
                      />
                    </>
                  )}
                  <IconButton icon="refresh" label="Look again" onClick={() => void refresh()} />
                </>
              }
              instead={
                files.length === 0 && (
                  <Empty title="No files here yet">
                    {mayUpload && (
                      <p className="quiet">Upload or drop some, or use the lines below from a script.</p>
                    )}
                  </Empty>
                )
              }
            >
              {files.map((file) => (
                <Row
                  key={file.path}
                  name={name}
                  file={file}
                  {...(mayDelete ? { onDelete: () => setDoomed(file) } : {})}
                />
              ))}
            </TableCard>
          );
          if (!mayUpload) return table;
          return (
            <DropZone
              label="Drop files or folders to upload them here"
              onFiles={(files) => {
                setDropFailure(null);
                uploads.add(files);
              }}
              onFailure={setDropFailure}
            >
              {table}
            </DropZone>
          );
        }}
      </Loaded>
      {dropFailure !== null && <Failure error={dropFailure} />}
      {found.hasNextPage && (
        <button type="button" className="button" onClick={() => void found.fetchNextPage()}>
          Show more
        </button>
      )}
      {uploads.sendings.length > 0 && (
        <UploadsCard sendings={uploads.sendings} onReplace={uploads.replace} onDismiss={uploads.dismiss} />
      )}
      {shownFile && (
        <FileDialog
          key={shownFile}
          datastore={name}
          path={pathIn(folder, shownFile)}
          onClose={() => change({ file: null })}
        />
      )}
      {doomed && (
        <Dialog
          title={`Delete “${lastOf(doomed.path)}”?`}
          action="Delete"
          isDanger
          onClose={() => setDoomed(null)}
          onConfirm={async (form) => {
            checkTyped(form, doomed);
            await deleteFiles(name, doomed.path);
            await refresh();
          }}
        >
          {doomed.is_dir ? (
            <>
              <p>The folder goes for good, with all that is in it.</p>
              <TextField label="Name of the folder" name="confirm" required />
            </>
          ) : (
            <p>The file goes for good.</p>
          )}
        </Dialog>
      )}
    </>
  );
}

/** A folder takes with it what nobody sees here, so its name is typed. */
function checkTyped(form: FormData, { path, is_dir: isFolder }: DatastoreFile): void {
  const wanted = lastOf(path);
  if (isFolder && textOf(form, "confirm") !== wanted.trim()) {
    throw new Error(`Type the name of the folder: ${wanted}`);
  }
}

function FolderCrumbs({ name, folder }: { name: string; folder: string }) {
  const names = folder.split("/").filter(Boolean);
  return (
    <nav className="crumbs" aria-label="Folder">
      <a href={datastoreHash(name)}>All files</a>
      {names.map((part, depth) => {
        const path = names.slice(0, depth + 1).join("/");
        return (
          <span key={path} className="row">
            <span aria-hidden="true">/</span>
            <a className="wrap-anywhere" href={datastoreHash(name, path)}>
              {part}
            </a>
          </span>
        );
      })}
    </nav>
  );
}

function Row({ name, file, onDelete }: { name: string; file: DatastoreFile; onDelete?: () => void }) {
  const shown = lastOf(file.path);
  const address = fileAddress(name, file.path);
  return (
    <tr>
      <td>
        <span className="row">
          <Icon name={file.is_dir ? "folder" : "file"} />
          {file.is_dir ? (
            <a className="strong wrap-anywhere" href={datastoreHash(name, file.path)}>
              {shown}
            </a>
          ) : (
            <a className="wrap-anywhere" href={datastoreFileHash(name, file.path)}>
              {shown}
            </a>
          )}
        </span>
      </td>
      <td className="number">{file.size_bytes === null ? "" : bytes(file.size_bytes)}</td>
      <td className="end actions">
        {!file.is_dir && (
          <a
            className="button bare icon small"
            href={address}
            download={shown}
            aria-label={`Download ${shown}`}
            title={`Download ${shown}`}
          >
            <Icon name="download" />
          </a>
        )}
        {onDelete && <IconButton icon="trash" label={`Delete ${shown}`} onClick={onDelete} />}
      </td>
    </tr>
  );
}
