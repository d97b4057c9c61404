import { useInfiniteQuery } from "@tanstack/react-query";
import type { Page } from "../api/types.ts";
import { Loaded } from "../parts/Loaded.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { Time } from "../parts/Time.tsx";

interface Version {
  version: number;
  created_ms: number;
  created_by: string;
}

interface Props {
  queryKey: string[];
  shown: number;
  hrefOf: (version: number) => string;
  listVersions: (pageToken: string | null, signal: AbortSignal) => Promise<Page<Version>>;
}

/** All versions of what is on screen; the one that is shown is marked. */
export function VersionsCard({ queryKey, shown, hrefOf, listVersions }: Props) {
  const found = useInfiniteQuery({
    queryKey,
    queryFn: ({ signal, pageParam }) => listVersions(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextToken,
    refetchInterval: 10_000,
  });
  return (
    <Loaded query={found} label="Loading versions">
      {(data) => (
        <>
          <TableCard title="Versions" columns={["Version", "Registered", "By"]}>
            {data.pages
              .flatMap((page) => page.items)
              .map((each) => (
                <tr key={each.version}>
                  <td>
                    <a
                      className="strong"
                      href={hrefOf(each.version)}
                      aria-current={each.version === shown ? "true" : undefined}
                    >
                      Version {each.version}
                    </a>
                  </td>
                  <td>
                    <Time ms={each.created_ms} isRelative />
                  </td>
                  <td className="wrap-anywhere">{each.created_by || <span className="quiet">–</span>}</td>
                </tr>
              ))}
          </TableCard>
          {found.hasNextPage && (
            <button type="button" className="button" onClick={() => void found.fetchNextPage()}>
              Show more
            </button>
          )}
        </>
      )}
    </Loaded>
  );
}
