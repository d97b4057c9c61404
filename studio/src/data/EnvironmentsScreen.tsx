import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Environment, listEnvironments } from "../api/assets.ts";
import { may, useCaller } from "../api/caller.ts";
import { useUrlQuery } from "../app/location.ts";
import { environmentHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { Icon } from "../parts/Icon.tsx";
import { addressOnScreen } from "../parts/Lines.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Snippet } from "../parts/Snippet.tsx";
import { Empty } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { Time } from "../parts/Time.tsx";
import { registerEnvironmentInPython } from "./environmentWords.ts";
import { RegisterEnvironmentDialog } from "./RegisterEnvironmentDialog.tsx";
import { Tabs } from "./Tabs.tsx";

const COLUMNS = ["Name", "Latest version", "~Registered", "~Description"];

/** The environments of the workspace, and those that come with the server. */
export function EnvironmentsScreen() {
  useDocumentTitle("Environments");
  const [query, change] = useUrlQuery();
  const caller = useCaller();
  const [isRegistering, setIsRegistering] = useState(false);
  const withArchived = query.get("archived") === "true";
  const found = useInfiniteQuery({
    queryKey: ["environments", withArchived],
    queryFn: ({ signal, pageParam }) => listEnvironments(withArchived, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });
  return (
    <div className="page stack">
      <div className="title">
        <h1>Data</h1>
        <span className="grow" />
        {may(caller, "CONTRIBUTE") && (
          <button type="button" className="button primary" onClick={() => setIsRegistering(true)}>
            <Icon name="plus" /> Register an environment
          </button>
        )}
      </div>
      <Tabs shown="Environments" />
      <p className="quiet">
        An environment is what the code of a run needs around it: packages, an interpreter or a container, and
        variables.
      </p>
      <Loaded query={found} label="Loading environments">
        {(data) => {
          const own = data.pages.flatMap((page) => page.environments);
          return (
            <>
              <TableCard
                title="Environments"
                columns={COLUMNS}
                tools={
                  <button
                    type="button"
                    className="button"
                    aria-pressed={withArchived}
                    onClick={() => change({ archived: withArchived ? null : "true" })}
                  >
                    With archived
                  </button>
                }
                instead={
                  own.length === 0 && (
                    <Empty title="No environments yet">
                      <Snippet code={registerEnvironmentInPython(addressOnScreen())} />
                    </Empty>
                  )
                }
              >
                {own.map((one) => (
                  <Row key={one.name} environment={one} />
                ))}
              </TableCard>
              {found.hasNextPage && (
                <button type="button" className="button" onClick={() => void found.fetchNextPage()}>
                  Show more
                </button>
              )}
              <TableCard title="Come with the server" columns={COLUMNS}>
                {data.pages
                  .flatMap((page) => page.curated ?? [])
                  .map((one) => (
                    <Row key={one.name} environment={one} />
                  ))}
              </TableCard>
            </>
          );
        }}
      </Loaded>
      {isRegistering && <RegisterEnvironmentDialog onClose={() => setIsRegistering(false)} />}
    </div>
  );
}

function Row({ environment }: { environment: Environment }) {
  return (
    <tr>
      <td>
        <a className="strong wrap-anywhere" href={environmentHash(environment.name)}>
          {environment.name}
        </a>{" "}
        {environment.is_archived && <span className="pill">archived</span>}
      </td>
      <td className="number">{environment.latest_version}</td>
      <td className="wide-only">
        {environment.is_curated ? (
          <span className="quiet">–</span>
        ) : (
          <Time ms={environment.created_ms} isRelative />
        )}
      </td>
      <td className="wide-only wrap-anywhere">{environment.description}</td>
    </tr>
  );
}
