import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { listFiles } from "../api/datastores.ts";
import { datastoreHash } from "../app/route.ts";
import { Preview } from "../artifacts/Preview.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Empty } from "../parts/States.tsx";

interface Props {
  datastore: string;
  path: string;
  /** What stands between the values of a line, where that is known. */
  separator?: string | undefined;
  onClose: () => void;
}

/** A file of a datastore, over the page. */
export function FileDialog({ datastore, path, separator, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  // Asked for by its path, a file is listed alone; a folder's entries have longer paths.
  const query = useQuery({
    queryKey: ["datastore-files", datastore, path, "alone"],
    queryFn: async ({ signal }) => {
      const page = await listFiles(datastore, path, null, signal);
      return page.files.find((file) => file.path === path) ?? null;
    },
  });
  return (
    <dialog ref={dialog} className="dialog file-dialog" aria-label={path} onClose={onClose}>
      <Loaded query={query} label="Loading the file">
        {(file) =>
          file ? (
            <Preview
              owner={{ kind: "datastore", name: datastore }}
              entry={{ path, isFolder: false, byteCount: file.size_bytes }}
              separator={separator}
            />
          ) : (
            <Empty title="This is a folder">
              <a className="button" href={datastoreHash(datastore, path)}>
                Open it
              </a>
            </Empty>
          )
        }
      </Loaded>
      <div className="row">
        <span className="grow" />
        <button type="button" className="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}
