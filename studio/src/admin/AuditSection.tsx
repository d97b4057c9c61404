import { keepPreviousData, useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { type AuditEntry, type AuditQuestion, searchAudit, verifyAudit } from "../api/audit.ts";
import { useUrlQuery } from "../app/location.ts";
import { Icon } from "../parts/Icon.tsx";
import { Empty, Failure, failureText, Skeleton } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { Time } from "../parts/Time.tsx";
import { AuditFilters, localMs } from "./AuditFilters.tsx";

function questionOf(query: URLSearchParams): AuditQuestion {
  const text = (name: string) => query.get(name) ?? "";
  return {
    caller: text("caller"),
    action: text("action"),
    outcome: text("outcome"),
    workspace: text("workspace"),
    target: text("target"),
    since_ms: localMs(text("since")),
    until_ms: localMs(text("until")),
  };
}

export function AuditSection() {
  const [query, change] = useUrlQuery();
  const question = questionOf(query);
  const entries = useInfiniteQuery({
    queryKey: ["audit", question],
    queryFn: ({ signal, pageParam }) => searchAudit(question, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
    placeholderData: keepPreviousData,
  });
  const rows = entries.data?.pages.flatMap((page) => page.entries) ?? [];
  const isNarrowed = Object.values(question).some((value) => value !== null && value !== "");
  return (
    <>
      <AuditFilters
        query={query}
        onSearch={(next) => {
          change(next, { push: true });
          void entries.refetch();
        }}
      />
      {entries.isPending && <Skeleton lines={8} label="Loading the audit log" />}
      {entries.isError && <Failure error={entries.error} onRetry={() => void entries.refetch()} />}
      {entries.data && !entries.isError && (
        <TableCard
          title="Entries"
          columns={["When", "Outcome", "Who", "Action", "About", "Workspace", "From"]}
          tools={
            <>
              <Verify />
              <button type="button" className="button" onClick={() => void entries.refetch()}>
                <Icon name="refresh" /> Refresh
              </button>
            </>
          }
          instead={
            rows.length === 0 && (
              <Empty title={isNarrowed ? "No entry matches" : "Nothing has been written down yet"}>
                <p className="quiet">
                  {isNarrowed
                    ? "Widen the time, or leave a field out."
                    : "What changes rights, keys and data, and what is refused, is listed here."}
                </p>
              </Empty>
            )
          }
        >
          {rows.map((entry) => (
            <Entry key={entry.number} entry={entry} />
          ))}
        </TableCard>
      )}
      {entries.hasNextPage && (
        <button
          type="button"
          className="button"
          disabled={entries.isFetchingNextPage}
          onClick={() => void entries.fetchNextPage()}
        >
          Show older ones
        </button>
      )}
    </>
  );
}

function Entry({ entry }: { entry: AuditEntry }) {
  const isRefused = entry.outcome === "refused";
  return (
    <tr className={isRefused ? "refused" : ""}>
      <td className="nowrap">
        <Time ms={entry.at_ms} />
      </td>
      <td>
        <span className={`pill ${isRefused ? "bad" : "good"}`}>{entry.outcome}</span>
        {entry.count > 1 && <span className="quiet number"> × {entry.count}</span>}
      </td>
      <td className="who wrap-anywhere">
        {entry.caller || <span className="quiet">nobody known</span>}
        {entry.key_id && <div className="quiet mono">{entry.key_id}</div>}
      </td>
      <td className="mono">{entry.action}</td>
      <td className="about wrap-anywhere">{entry.target}</td>
      <td>{entry.workspace}</td>
      <td className="mono" title={`Request ${entry.request_id}`}>
        {entry.client}
      </td>
    </tr>
  );
}

/** Asks the server to read the whole log again. */
function Verify() {
  const verify = useMutation({ mutationFn: verifyAudit });
  const chain = verify.data;
  return (
    <>
      <span role="status">
        {verify.isPending && <span className="quiet">Reading the whole log…</span>}
        {verify.error && <span className="pill bad">{failureText(verify.error).detail}</span>}
        {chain &&
          !verify.isPending &&
          (chain.is_whole ? (
            <span className="pill good" title={`The last entry's hash is ${chain.last_hash}`}>
              <Icon name="check" size={12} /> Whole: {chain.entries.toLocaleString("en")} entries
            </span>
          ) : (
            <span className="pill bad">Broken at entry {chain.first_broken}</span>
          ))}
        {chain && !verify.isPending && chain.lost_guards.length > 0 && (
          <span className="pill bad" title={`The database's triggers: ${chain.lost_guards.join(", ")}`}>
            Not kept from changes
          </span>
        )}
      </span>
      <button
        type="button"
        className="button"
        disabled={verify.isPending}
        title="Whether nothing in the log was changed or left out"
        onClick={() => verify.mutate()}
      >
        Verify
      </button>
    </>
  );
}
