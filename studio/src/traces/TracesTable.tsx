import type { ReactNode } from "react";
import { SESSION_KEY } from "../api/traces.ts";
import type { Trace } from "../api/traceTypes.ts";
import { tokensOf } from "../api/traceWire.ts";
import { runHash, sessionHash, traceHash } from "../app/route.ts";
import { TableCard } from "../parts/TableCard.tsx";
import { Duration, Time } from "../parts/Time.tsx";
import { TracePill } from "./TracePill.tsx";
import { toneOf, valueText } from "./words.ts";

interface Props {
  traces: Trace[];
  tools?: ReactNode;
  instead?: ReactNode;
  /** Which rows are chosen; without it none can be. */
  selection?: { selected: ReadonlySet<string>; toggle: (traceId: string) => void; toggleAll: () => void };
}

const COLUMNS = ["Trace", "State", "Request", "Response", "Started", "Duration", "Tokens", "Links", "Tags"];
const SHOWN_TAGS = 3;
const RUN_KEY = "mlflow.sourceRun";

/** Traces, one a line. */
export function TracesTable({ traces, tools, instead, selection }: Props) {
  return (
    <TableCard
      title="Traces"
      columns={[...(selection ? ["-Select"] : []), ...COLUMNS]}
      tools={
        <>
          {tools}
          {selection && traces.length > 0 && (
            <button type="button" className="button small" onClick={selection.toggleAll}>
              {traces.every((trace) => selection.selected.has(trace.traceId)) ? "Select none" : "Select all"}
            </button>
          )}
        </>
      }
      instead={instead}
    >
      {traces.map((trace) => (
        <tr key={trace.traceId}>
          {selection && (
            <td className="select">
              <input
                type="checkbox"
                aria-label={`Select ${trace.name} ${trace.traceId}`}
                checked={selection.selected.has(trace.traceId)}
                onChange={() => selection.toggle(trace.traceId)}
              />
            </td>
          )}
          <Cells trace={trace} />
        </tr>
      ))}
    </TableCard>
  );
}

function Cells({ trace }: { trace: Trace }) {
  const endedMs = trace.executionMs === null ? null : (trace.startedMs ?? 0) + trace.executionMs;
  const isOver = trace.state !== "IN_PROGRESS";
  return (
    <>
      <td className="trace-name">
        <a className="strong wrap-anywhere" href={traceHash(trace.experimentId, trace.traceId)}>
          {trace.name}
        </a>
      </td>
      <td>
        <TracePill state={trace.state} />
      </td>
      <Preview text={trace.requestPreview} />
      <Preview text={trace.responsePreview} />
      <td className="nowrap">
        <Time ms={trace.startedMs} isRelative />
      </td>
      <td className="nowrap">
        {endedMs === null && isOver ? (
          <span className="quiet">–</span>
        ) : (
          <Duration startedMs={trace.startedMs} endedMs={endedMs} />
        )}
      </td>
      <td className="number">{tokensOf(trace)?.toLocaleString("en") ?? <span className="quiet">–</span>}</td>
      <td className="nowrap">
        <Links trace={trace} />
      </td>
      <td className="trace-tags">
        <Marks trace={trace} />
      </td>
    </>
  );
}

function Preview({ text }: { text: string }) {
  return (
    <td className="trace-preview">
      {text ? <div title={text.slice(0, 1000)}>{text.slice(0, 300)}</div> : <span className="quiet">–</span>}
    </td>
  );
}

function Links({ trace }: { trace: Trace }) {
  const runId = trace.metadata.get(RUN_KEY);
  const sessionId = trace.metadata.get(SESSION_KEY);
  return (
    <>
      {runId && (
        <div>
          <a href={runHash(trace.experimentId, runId)} title={runId}>
            Run
          </a>
        </div>
      )}
      {sessionId && (
        <div>
          <a href={sessionHash(trace.experimentId, sessionId)} title={sessionId}>
            Session
          </a>
        </div>
      )}
    </>
  );
}

/** Assessments that count, and the tags that are no program's. */
function Marks({ trace }: { trace: Trace }) {
  const tags = [...trace.tags].filter(([key]) => !key.startsWith("mlflow."));
  const opinions = trace.assessments.filter((one) => one.isValid && one.kind === "feedback");
  return (
    <div className="row wrap">
      {opinions.slice(0, SHOWN_TAGS).map((one) => (
        <span key={one.assessmentId} className={`pill ${toneOf(one)}`} title={valueText(one)}>
          {one.name}: {valueText(one).slice(0, 20)}
        </span>
      ))}
      {tags.slice(0, SHOWN_TAGS).map(([key, value]) => (
        <span key={key} className="pill trace-tag" title={`${key}: ${value}`}>
          {key}: {value}
        </span>
      ))}
      {tags.length > SHOWN_TAGS && <span className="quiet">+{tags.length - SHOWN_TAGS}</span>}
    </div>
  );
}
