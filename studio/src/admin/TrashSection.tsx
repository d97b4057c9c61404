import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { listTrash, restore, type Trashed } from "../api/storage.ts";
import { experimentHash, modelHash, runHash } from "../app/route.ts";
import { IconButton } from "../parts/IconButton.tsx";
import { SearchField } from "../parts/SearchField.tsx";
import { Empty, Failure, failureText, Skeleton } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { Time } from "../parts/Time.tsx";
import { FreeSpace } from "./FreeSpace.tsx";
import { RetentionRules } from "./RetentionRules.tsx";

const KINDS: Record<Trashed["kind"], string> = {
  experiment: "Experiment",
  run: "Run",
  logged_model: "Logged model",
};

function addressOf(item: Trashed): string {
  if (item.kind === "experiment") return experimentHash(item.id);
  if (item.kind === "run") return runHash(item.experiment_id, item.id);
  return modelHash(item.experiment_id, item.id);
}

/** What was deleted: bring it back, or let it go for good. */
export function TrashSection() {
  const queries = useQueryClient();
  const [search, setSearch] = useState("");
  const trash = useInfiniteQuery({
    queryKey: ["trash"],
    queryFn: ({ signal, pageParam }) => listTrash(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
  });
  const bringBack = useMutation({
    mutationFn: restore,
    onSettled: () => queries.invalidateQueries(),
  });
  const all = trash.data?.pages.flatMap((page) => page.items) ?? [];
  const words = search.toLowerCase();
  const rows = all.filter((item) => `${item.name} ${item.id}`.toLowerCase().includes(words));

  if (trash.isPending) return <Skeleton lines={8} label="Loading the trash" />;
  if (trash.isError && !trash.data) {
    return <Failure error={trash.error} onRetry={() => void trash.refetch()} />;
  }
  return (
    <>
      {bringBack.error && (
        <p className="note bad wrap-anywhere" role="alert">
          {failureText(bringBack.error).detail}
        </p>
      )}
      <TableCard
        title="In the trash"
        count={all.length}
        columns={["Name", "Kind", "Deleted", "-Actions"]}
        tools={all.length > 8 && <SearchField label="Search the trash" value={search} onChange={setSearch} />}
        instead={
          rows.length === 0 && (
            <Empty title={search ? "Nothing in the trash matches" : "The trash is empty"}>
              {!search && (
                <p className="quiet">
                  Experiments, runs and models that are deleted come here. They can be brought back until
                  somebody lets them go for good.
                </p>
              )}
            </Empty>
          )
        }
      >
        {rows.map((item) => (
          <tr key={`${item.kind} ${item.id}`}>
            <td>
              <a className="strong wrap-anywhere" href={addressOf(item)}>
                {item.name || item.id}
              </a>
            </td>
            <td>{KINDS[item.kind]}</td>
            <td>
              <Time ms={item.deleted_ms} isRelative />
            </td>
            <td className="end actions">
              <IconButton
                icon="restore"
                label={`Restore ${item.name || item.id}`}
                disabled={bringBack.isPending}
                onClick={() => bringBack.mutate(item)}
              />
            </td>
          </tr>
        ))}
      </TableCard>
      {trash.hasNextPage && (
        <button
          type="button"
          className="button"
          disabled={trash.isFetchingNextPage}
          onClick={() => void trash.fetchNextPage()}
        >
          Show more
        </button>
      )}
      <FreeSpace />
      <RetentionRules />
    </>
  );
}
