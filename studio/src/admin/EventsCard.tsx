import { useInfiniteQuery } from "@tanstack/react-query";
import { listEvents } from "../api/operation.ts";
import { Empty, Failure, Skeleton } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { Time } from "../parts/Time.tsx";

const TONES: Record<string, string> = {
  "run.finished": "good",
  "run.failed": "bad",
  "run.killed": "warn",
  "run.stuck": "warn",
  "quota.warning": "warn",
  "disk.warning": "bad",
};

/** What happened on the server, the latest first. */
export function EventsCard() {
  const events = useInfiniteQuery({
    queryKey: ["events"],
    queryFn: ({ signal, pageParam }) => listEvents(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
    refetchInterval: 30_000,
  });
  const rows = events.data?.pages.flatMap((page) => page.events) ?? [];
  if (events.isPending) return <Skeleton label="Loading events" />;
  if (events.isError && !events.data) {
    return <Failure error={events.error} onRetry={() => void events.refetch()} />;
  }
  return (
    <>
      <TableCard
        title="What happened"
        columns={["When", "What", "Said", "Workspace"]}
        instead={
          rows.length === 0 && (
            <Empty title="Nothing happened yet">
              <p className="quiet">Runs that end or fail, and warnings about room, are listed here.</p>
            </Empty>
          )
        }
      >
        {rows.map((event) => (
          <tr key={event.event_number}>
            <td className="nowrap">
              <Time ms={event.happened_ms} isRelative />
            </td>
            <td>
              <span className={`pill ${TONES[event.kind] ?? ""}`}>{event.kind}</span>
            </td>
            <td className="about wrap-anywhere">{event.message}</td>
            <td>{event.workspace}</td>
          </tr>
        ))}
      </TableCard>
      {events.hasNextPage && (
        <button
          type="button"
          className="button"
          disabled={events.isFetchingNextPage}
          onClick={() => void events.fetchNextPage()}
        >
          Show older ones
        </button>
      )}
    </>
  );
}
