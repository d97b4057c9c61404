import { useQuery } from "@tanstack/react-query";
import type { DataAsset } from "../api/assets.ts";
import { fileAddress, listFiles } from "../api/datastores.ts";
import { changedHash, useUrlQuery } from "../app/location.ts";
import { bytes } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Empty } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { filesAt, storeOf } from "./assetFiles.ts";
import { FileDialog } from "./FileDialog.tsx";
import { lastOf } from "./words.ts";

/** Cells are divided one sign at a time; a longer separator leaves the text as it is. */
const separatorOf = ({ reading }: DataAsset) =>
  reading?.format === "delimited" && reading.separator.length === 1 ? reading.separator : undefined;

/** The files of a dataset that lie on this server or in buckets that it knows; those of the web are not asked for. */
export function AssetFilesCard({ asset }: { asset: DataAsset }) {
  const [shown, change] = useUrlQuery();
  const places = asset.sources.map(storeOf).filter((place) => place !== null);
  const query = useQuery({
    queryKey: ["datastore-files", "of-asset", asset.asset_id],
    queryFn: async ({ signal }) => {
      const found = await Promise.all(
        places.map(async ({ store, path }) => {
          const { files, isCut } = await filesAt(path, (folder, token) =>
            listFiles(store, folder, token, signal),
          );
          return { files: files.map((file) => ({ ...file, store })), isCut };
        }),
      );
      return { files: found.flatMap(({ files }) => files), isCut: found.some(({ isCut }) => isCut) };
    },
    retry: false,
  });
  if (places.length === 0) return null;
  const [store, path] = [shown.get("store"), shown.get("file")];
  return (
    <>
      <Loaded query={query} label="Loading the files of the dataset">
        {({ files, isCut }) => (
          <TableCard
            title="Files"
            columns={["Name", "Size", "-Actions"]}
            tools={isCut && <span className="quiet">The first {files.length}</span>}
            instead={files.length === 0 && <Empty title="No file fits its paths now" />}
          >
            {files.map((file) => (
              <tr key={`${file.store} ${file.path}`}>
                <td>
                  <a
                    className="wrap-anywhere"
                    href={changedHash(window.location.hash, { store: file.store, file: file.path })}
                  >
                    {file.path}
                  </a>
                </td>
                <td className="number">{file.size_bytes === null ? "" : bytes(file.size_bytes)}</td>
                <td className="end actions">
                  <a
                    className="button bare icon small"
                    href={fileAddress(file.store, file.path)}
                    download={lastOf(file.path)}
                    aria-label={`Download ${file.path}`}
                    title={`Download ${file.path}`}
                  >
                    <Icon name="download" />
                  </a>
                </td>
              </tr>
            ))}
          </TableCard>
        )}
      </Loaded>
      {store && path && (
        <FileDialog
          key={`${store} ${path}`}
          datastore={store}
          path={path}
          separator={separatorOf(asset)}
          onClose={() => change({ store: null, file: null })}
        />
      )}
    </>
  );
}
