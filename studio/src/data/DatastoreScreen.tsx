import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { may, useCaller } from "../api/caller.ts";
import { type Datastore, getDatastore, setDefaultDatastore, unregisterDatastore } from "../api/datastores.ts";
import { go } from "../app/location.ts";
import { datastoresHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { FactsCard } from "../parts/Facts.tsx";
import { Icon } from "../parts/Icon.tsx";
import { addressOnScreen, Lines } from "../parts/Lines.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { Time } from "../parts/Time.tsx";
import { DatastoreFiles } from "./DatastoreFiles.tsx";
import { datastoreInPython, datastoreInShell, KIND_NAMES, whereOf } from "./words.ts";

/** One datastore: a folder of its files, and what is known of it. */
export function DatastoreScreen({ name, folder }: { name: string; folder: string }) {
  useDocumentTitle(name);
  const query = useQuery({
    queryKey: ["datastores", name],
    queryFn: ({ signal }) => getDatastore(name, signal),
    refetchInterval: 10_000,
  });
  return (
    <div className="page stack">
      <PageHead
        trail={[["Datastores", datastoresHash()]]}
        here={name}
        title={name}
        marks={query.data?.is_default && <span className="pill good">default</span>}
        actions={query.data && <Actions datastore={query.data} />}
      />
      <Loaded query={query} label="Loading the datastore">
        {(found) => (
          <>
            {found.description && <p className="wrap-anywhere">{found.description}</p>}
            <DatastoreFiles key={folder} datastore={found} folder={folder} />
            <div className="overview">
              <FactsCard facts={factsOf(found)} />
              <Lines
                python={datastoreInPython(addressOnScreen(), name, folder)}
                shell={datastoreInShell(addressOnScreen(), name, folder)}
              />
            </div>
          </>
        )}
      </Loaded>
    </div>
  );
}

function factsOf(found: Datastore): [string, ReactNode][] {
  return [
    ["Kind", KIND_NAMES[found.kind]],
    ["Where", whereOf(found)],
    ["Endpoint", found.endpoint],
    ["Region", found.region],
    ["Credential", found.kind !== "folder" && (found.has_credential ? "kept, encrypted" : "none")],
    ["Registered", !found.is_built_in && <Time ms={found.updated_ms} />],
    ["By", found.created_by],
  ];
}

function Actions({ datastore }: { datastore: Datastore }) {
  const { name } = datastore;
  const caller = useCaller();
  const queries = useQueryClient();
  const [asked, setAsked] = useState<"default" | "unregister" | null>(null);
  const refresh = () => queries.invalidateQueries({ queryKey: ["datastores"] });
  const close = () => setAsked(null);
  if (!may(caller, "CONTRIBUTE")) return null;
  return (
    <>
      {!datastore.is_default && (
        <button type="button" className="button" onClick={() => setAsked("default")}>
          <Icon name="check" /> Make default
        </button>
      )}
      {!datastore.is_built_in && (
        <button type="button" className="button danger" onClick={() => setAsked("unregister")}>
          <Icon name="close" /> Unregister
        </button>
      )}
      {asked === "default" && (
        <Dialog
          title={`Make “${name}” the default datastore?`}
          action="Make default"
          onClose={close}
          onConfirm={async () => {
            await setDefaultDatastore(name);
            await refresh();
          }}
        >
          <p>Scripts and commands of the workspace use it wherever they name none.</p>
        </Dialog>
      )}
      {asked === "unregister" && (
        <Dialog
          title={`Unregister “${name}”?`}
          action="Unregister"
          isDanger
          onClose={close}
          onConfirm={async () => {
            await unregisterDatastore(name);
            go(datastoresHash());
            await refresh();
          }}
        >
          <p>The server forgets where it is, and its credential. Its files stay where they are.</p>
        </Dialog>
      )}
    </>
  );
}
