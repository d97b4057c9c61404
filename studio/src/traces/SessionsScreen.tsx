import type { TraceSession } from "../api/traces.ts";
import { experimentsHash, sessionHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { useExperimentName } from "../experiments/queries.ts";
import { ExperimentTabs } from "../parts/ExperimentTabs.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { Snippet } from "../parts/Snippet.tsx";
import { Empty, Failure, Skeleton } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { Time } from "../parts/Time.tsx";
import { useTraceSessions } from "./queries.ts";

const IN_A_SESSION = [
  "@mlflow.trace",
  "def answer(question, session_id):",
  '    mlflow.update_current_trace(metadata={"mlflow.trace.session": session_id})',
  "    return question.upper()",
].join("\n");

/** The sessions, conversations for example, that traces of an experiment are parts of. */
export function SessionsScreen({ experimentId }: { experimentId: string }) {
  const name = useExperimentName(experimentId);
  useDocumentTitle(`Sessions of ${name}`);
  const found = useTraceSessions(experimentId);
  const sessions = found.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="page wide stack">
      <PageHead trail={[["Experiments", experimentsHash()]]} title={name} />
      <ExperimentTabs experimentId={experimentId} shown="Sessions" />
      {found.isPending && <Skeleton lines={6} label="Loading sessions" />}
      {found.isError && !found.data && <Failure error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && (
        <TableCard
          title="Sessions"
          columns={["Session", "Traces", "First request", "Began", "Last trace", "Tokens", "Errors"]}
          instead={
            sessions.length === 0 && (
              <Empty title="No sessions yet">
                <p className="quiet">Traces that name the same session stand together here.</p>
                <Snippet code={IN_A_SESSION} />
              </Empty>
            )
          }
        >
          {sessions.map((session) => (
            <Row key={session.sessionId} experimentId={experimentId} session={session} />
          ))}
        </TableCard>
      )}
      {found.hasNextPage && (
        <div>
          <button type="button" className="button" onClick={() => void found.fetchNextPage()}>
            Show more sessions
          </button>
        </div>
      )}
    </div>
  );
}

function Row({ experimentId, session }: { experimentId: string; session: TraceSession }) {
  return (
    <tr>
      <td>
        <a className="strong wrap-anywhere" href={sessionHash(experimentId, session.sessionId)}>
          {session.sessionId}
        </a>
      </td>
      <td className="number">{session.traceCount}</td>
      <td className="trace-preview">
        <div>{session.firstRequest.slice(0, 300)}</div>
      </td>
      <td>
        <Time ms={session.firstMs} isRelative />
      </td>
      <td>
        <Time ms={session.lastMs} isRelative />
      </td>
      <td className="number">{session.totalTokens?.toLocaleString("en") ?? "–"}</td>
      <td>{session.errorCount > 0 ? <span className="pill bad">{session.errorCount}</span> : "–"}</td>
    </tr>
  );
}
