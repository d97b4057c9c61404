import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { listAssets } from "../api/assets.ts";
import { may, useCaller } from "../api/caller.ts";
import { assetHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { Icon } from "../parts/Icon.tsx";
import { addressOnScreen } from "../parts/Lines.tsx";
import { PagedTable } from "../parts/PagedTable.tsx";
import { Snippet } from "../parts/Snippet.tsx";
import { Empty } from "../parts/States.tsx";
import { Time } from "../parts/Time.tsx";
import { KINDS_OF_ASSETS, registerInPython } from "./assetWords.ts";
import { RegisterAssetDialog } from "./RegisterAssetDialog.tsx";
import { Tabs } from "./Tabs.tsx";

/** All datasets that are registered in the workspace. */
export function AssetsScreen() {
  useDocumentTitle("Datasets");
  const caller = useCaller();
  const [isRegistering, setIsRegistering] = useState(false);
  const found = useInfiniteQuery({
    queryKey: ["data-assets"],
    queryFn: ({ signal, pageParam }) => listAssets(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
    refetchInterval: 10_000,
  });
  return (
    <div className="page stack">
      <div className="title">
        <h1>Data</h1>
        <span className="grow" />
        {may(caller, "CONTRIBUTE") && (
          <button type="button" className="button primary" onClick={() => setIsRegistering(true)}>
            <Icon name="plus" /> Register a dataset
          </button>
        )}
      </div>
      <Tabs shown="Datasets" />
      <p className="quiet">A dataset says where data lies and how it is read, by a name and in versions.</p>
      <PagedTable
        query={found}
        title="Datasets"
        columns={["Name", "Latest version", "Type", "~Registered", "~Description"]}
        rowsOf={(page) => page.data_assets}
        empty={
          <Empty title="No datasets yet">
            <Snippet code={registerInPython(addressOnScreen())} />
          </Empty>
        }
      >
        {(asset) => (
          <tr key={asset.name}>
            <td>
              <a className="strong wrap-anywhere" href={assetHash(asset.name)}>
                {asset.name}
              </a>
            </td>
            <td className="number">{asset.latest_version}</td>
            <td>{KINDS_OF_ASSETS[asset.kind]}</td>
            <td className="wide-only">
              <Time ms={asset.created_ms} isRelative />
            </td>
            <td className="wide-only wrap-anywhere">{asset.description}</td>
          </tr>
        )}
      </PagedTable>
      {isRegistering && <RegisterAssetDialog onClose={() => setIsRegistering(false)} />}
    </div>
  );
}
