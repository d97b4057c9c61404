import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  deleteRegisteredModel,
  describeRegisteredModel,
  getRegisteredModel,
  type RegistryKind,
  searchModelVersions,
} from "../api/registry.ts";
import type { ModelVersion } from "../api/types.ts";
import { go, useUrlQuery } from "../app/location.ts";
import { modelVersionHash, registryHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Note } from "../parts/Note.tsx";
import { NoteDialog } from "../parts/NoteDialog.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { PairsCard } from "../parts/PairsCard.tsx";
import { Empty } from "../parts/States.tsx";
import { listOrderOf, listOrderText, orderByOf } from "../parts/sorting.ts";
import { TableCard } from "../parts/TableCard.tsx";
import { Time } from "../parts/Time.tsx";
import { Aliases } from "./Aliases.tsx";
import { isInnerTag, ONE, TITLES } from "./words.ts";

const REFRESH_MS = 10_000;
const SORTED = { Version: "version_number", Registered: "creation_timestamp" };
const NEWEST = { key: SORTED.Version, isDescending: true };

/** A registered model, or a prompt, with all its versions. */
export function RegisteredModelScreen({ kind, name }: { kind: RegistryKind; name: string }) {
  useDocumentTitle(name);
  const [asked, setAsked] = useState<"describe" | "delete" | null>(null);
  const queries = useQueryClient();
  const model = useQuery({
    queryKey: ["registered-model", name],
    queryFn: ({ signal }) => getRegisteredModel(name, signal),
    refetchInterval: REFRESH_MS,
  });
  const close = () => setAsked(null);
  return (
    <div className="page stack">
      <PageHead
        trail={[[TITLES[kind], registryHash(kind)]]}
        here={name}
        title={name}
        actions={
          <>
            <button type="button" className="button" onClick={() => setAsked("describe")}>
              <Icon name="pencil" /> Describe
            </button>
            <button type="button" className="button danger" onClick={() => setAsked("delete")}>
              <Icon name="trash" /> Delete
            </button>
          </>
        }
      />
      <Loaded query={model} label={`Loading the ${ONE[kind]}`}>
        {(found) => (
          <>
            {found.description && <Note text={found.description} />}
            <Versions kind={kind} name={name} aliases={found.aliases} />
            <PairsCard
              title="Tags"
              empty="No tags were set."
              rows={[...found.tags].filter(([key]) => !isInnerTag(key)).map(([key, text]) => ({ key, text }))}
            />
            {asked === "describe" && (
              <NoteDialog
                title={`Describe ${name}`}
                initial={found.description}
                onClose={close}
                onText={async (text) => {
                  await describeRegisteredModel(name, text);
                  await queries.invalidateQueries({ queryKey: ["registered-model", name] });
                }}
              />
            )}
          </>
        )}
      </Loaded>
      {asked === "delete" && (
        <Dialog
          title={`Delete the ${ONE[kind]} “${name}”?`}
          action="Delete"
          isDanger
          onClose={close}
          onConfirm={async () => {
            await deleteRegisteredModel(name);
            await queries.invalidateQueries({ queryKey: ["registered-models"] });
            go(registryHash(kind));
          }}
        >
          <p>All its versions and aliases go for good. The runs that they came from stay.</p>
        </Dialog>
      )}
    </div>
  );
}

interface VersionsProps {
  kind: RegistryKind;
  name: string;
  /** Which version each alias points to: MLflow's search for versions does not say. */
  aliases: ReadonlyMap<string, string>;
}

function Versions({ kind, name, aliases }: VersionsProps) {
  const [query, change] = useUrlQuery();
  const order = listOrderOf(query.get("order"), Object.values(SORTED), NEWEST);
  const found = useInfiniteQuery({
    placeholderData: keepPreviousData,
    queryKey: ["model-versions", name, order],
    queryFn: ({ signal, pageParam }) =>
      searchModelVersions(kind, { text: name, orderBy: orderByOf(order), pageToken: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextToken,
    refetchInterval: REFRESH_MS,
  });
  return (
    <Loaded query={found} label="Loading versions">
      {(data) => {
        const versions = data.pages.flatMap((page) => page.items);
        return (
          <>
            <TableCard
              title="Versions"
              columns={["Version", "Aliases", "~Registered", "~By", "~Description"]}
              sorting={{ keys: SORTED, order, onSort: (next) => change({ order: listOrderText(next) }) }}
              instead={
                versions.length === 0 && (
                  <Empty title="No versions yet">
                    <p className="quiet">
                      <code>mlflow.register_model("runs:/RUN_ID/model", "{name}")</code> registers one.
                    </p>
                  </Empty>
                )
              }
            >
              {versions.map((version) => (
                <VersionRow
                  key={version.version}
                  kind={kind}
                  version={version}
                  aliases={[...aliases].filter(([, to]) => to === version.version).map(([alias]) => alias)}
                />
              ))}
            </TableCard>
            {found.hasNextPage && (
              <button type="button" className="button" onClick={() => void found.fetchNextPage()}>
                Show more
              </button>
            )}
          </>
        );
      }}
    </Loaded>
  );
}

function VersionRow(props: { kind: RegistryKind; version: ModelVersion; aliases: string[] }) {
  const { kind, version, aliases } = props;
  return (
    <tr>
      <td>
        <a className="strong" href={modelVersionHash(kind, version.name, version.version)}>
          Version {version.version}
        </a>
      </td>
      <td>
        <Aliases names={aliases} />
      </td>
      <td className="wide-only">
        <Time ms={version.createdMs} isRelative />
      </td>
      <td className="wide-only wrap-anywhere">{version.user}</td>
      <td className="wide-only wrap-anywhere">{version.description}</td>
    </tr>
  );
}
