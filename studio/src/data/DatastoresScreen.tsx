import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { may, useCaller } from "../api/caller.ts";
import { type Datastore, listDatastores } from "../api/datastores.ts";
import { datastoreHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { Icon } from "../parts/Icon.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { RegisterDatastoreDialog } from "./RegisterDatastoreDialog.tsx";
import { Tabs } from "./Tabs.tsx";
import { KIND_NAMES, whereOf } from "./words.ts";

/** All datastores of the workspace; two are in each. */
export function DatastoresScreen() {
  useDocumentTitle("Data");
  const caller = useCaller();
  const [isRegistering, setIsRegistering] = useState(false);
  const query = useQuery({
    queryKey: ["datastores"],
    queryFn: ({ signal }) => listDatastores(signal),
    refetchInterval: 10_000,
  });
  return (
    <div className="page stack">
      <div className="title">
        <h1>Data</h1>
        <span className="grow" />
        {may(caller, "CONTRIBUTE") && (
          <button type="button" className="button primary" onClick={() => setIsRegistering(true)}>
            <Icon name="plus" /> Register a datastore
          </button>
        )}
      </div>
      <Tabs shown="Datastores" />
      <p className="quiet">
        A datastore is a place for files that scripts know by a name. All bytes pass through this server,
        which keeps the credential.
      </p>
      <Loaded query={query} label="Loading datastores">
        {(all) => (
          <TableCard
            title="Datastores"
            count={all.length}
            columns={["Name", "~Kind", "Where", "~Description"]}
          >
            {all.map((datastore) => (
              <Row key={datastore.name} datastore={datastore} />
            ))}
          </TableCard>
        )}
      </Loaded>
      {isRegistering && <RegisterDatastoreDialog onClose={() => setIsRegistering(false)} />}
    </div>
  );
}

function Row({ datastore }: { datastore: Datastore }) {
  return (
    <tr>
      <td>
        <a className="strong wrap-anywhere" href={datastoreHash(datastore.name)}>
          {datastore.name}
        </a>{" "}
        {datastore.is_default && <span className="pill good">default</span>}
      </td>
      <td className="wide-only">{KIND_NAMES[datastore.kind]}</td>
      <td className="wrap-anywhere">{whereOf(datastore)}</td>
      <td className="wide-only wrap-anywhere">{datastore.description}</td>
    </tr>
  );
}
