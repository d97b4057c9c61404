import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { changeAsset, type DataAsset, getAsset, listAssetVersions } from "../api/assets.ts";
import { may, useCaller } from "../api/caller.ts";
import { assetHash, assetsHash, datastoreHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { CopyButton } from "../parts/CopyButton.tsx";
import { DescribeDialog } from "../parts/DescribeDialog.tsx";
import { FactsCard } from "../parts/Facts.tsx";
import { Icon } from "../parts/Icon.tsx";
import { addressOnScreen, Lines } from "../parts/Lines.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Note } from "../parts/Note.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { PairsCard } from "../parts/PairsCard.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { Time } from "../parts/Time.tsx";
import { AssetFilesCard } from "./AssetFilesCard.tsx";
import { folderOf, storeOf } from "./assetFiles.ts";
import { assetInPython, assetInShell, KINDS_OF_ASSETS, readingText, sourceText } from "./assetWords.ts";
import { DeleteAssetDialog } from "./DeleteAssetDialog.tsx";
import { RegisterAssetDialog } from "./RegisterAssetDialog.tsx";
import { VersionsCard } from "./VersionsCard.tsx";

/** One version of a dataset, the latest unless it is named, beside the others. */
export function AssetScreen({ name, version }: { name: string; version: string | null }) {
  useDocumentTitle(version ? `${name}, version ${version}` : name);
  const query = useQuery({
    queryKey: ["data-assets", name, version],
    queryFn: ({ signal }) => getAsset(name, version, signal),
    refetchInterval: 10_000,
  });
  return (
    <div className="page stack">
      <PageHead
        trail={[["Datasets", assetsHash()]]}
        here={name}
        title={
          <>
            {name} {query.data && <span className="quiet">version {query.data.version}</span>}
          </>
        }
        actions={query.data && <Actions asset={query.data} />}
      />
      <Loaded query={query} label="Loading the dataset">
        {(asset) => (
          <>
            {asset.description && <Note text={asset.description} />}
            <div className="overview">
              <div className="stack">
                <FactsCard facts={factsOf(asset)} />
                <VersionsCard
                  queryKey={["data-assets", name, "versions"]}
                  shown={asset.version}
                  hrefOf={(each) => assetHash(name, each)}
                  listVersions={async (token, signal) => {
                    const page = await listAssetVersions(name, token, signal);
                    return { items: page.data_assets, nextToken: page.next_page_token };
                  }}
                />
              </div>
              <div className="stack">
                <SourcesCard asset={asset} />
                <AssetFilesCard key={asset.asset_id} asset={asset} />
                <PairsCard
                  title="Tags"
                  empty="No tags were set."
                  rows={Object.entries(asset.tags).map(([key, text]) => ({ key, text }))}
                />
                <Lines
                  python={assetInPython(addressOnScreen(), asset)}
                  shell={assetInShell(addressOnScreen(), asset)}
                />
              </div>
            </div>
          </>
        )}
      </Loaded>
    </div>
  );
}

function factsOf(asset: DataAsset): [string, ReactNode][] {
  return [
    ["Type", KINDS_OF_ASSETS[asset.kind]],
    ["Read as", readingText(asset)],
    ["Registered", <Time key="registered" ms={asset.created_ms} />],
    ["By", asset.created_by],
    [
      "Id",
      <span key="id" className="row">
        <code className="wrap-anywhere">{asset.asset_id}</code>
        <CopyButton text={asset.asset_id} label="Copy the id" />
      </span>,
    ],
  ];
}

function SourcesCard({ asset }: { asset: DataAsset }) {
  return (
    <TableCard title="Paths" count={asset.sources.length} columns={["Where the data lies", "-Actions"]}>
      {asset.sources.map((source) => {
        const place = storeOf(source);
        return (
          <tr key={`${source.datastore} ${source.address}`}>
            <td className="wrap-anywhere">{sourceText(source)}</td>
            <td className="end actions">
              {place && (
                <a
                  className="button small"
                  href={datastoreHash(place.store, folderOf(place.path))}
                  aria-label={`Browse the datastore ${place.store}`}
                >
                  Browse
                </a>
              )}
            </td>
          </tr>
        );
      })}
    </TableCard>
  );
}

function Actions({ asset }: { asset: DataAsset }) {
  const { version } = asset;
  const caller = useCaller();
  const queries = useQueryClient();
  const [asked, setAsked] = useState<"register" | "describe" | "delete" | null>(null);
  const refresh = () => queries.invalidateQueries({ queryKey: ["data-assets"] });
  const close = () => setAsked(null);
  if (!may(caller, "CONTRIBUTE")) return null;
  return (
    <>
      <button type="button" className="button" onClick={() => setAsked("register")}>
        <Icon name="plus" /> New version
      </button>
      <button type="button" className="button" onClick={() => setAsked("describe")}>
        <Icon name="pencil" /> Describe
      </button>
      <button type="button" className="button danger" onClick={() => setAsked("delete")}>
        <Icon name="trash" /> Delete
      </button>
      {asked === "register" && <RegisterAssetDialog base={asset} onClose={close} />}
      {asked === "describe" && (
        <DescribeDialog
          title={`Describe version ${version}`}
          initial={asset}
          onClose={close}
          onSave={async (words) => {
            await changeAsset(asset.asset_id, words);
            await refresh();
          }}
        />
      )}
      {asked === "delete" && <DeleteAssetDialog asset={asset} onClose={close} />}
    </>
  );
}
