import type { Assessment, Trace } from "../api/traceTypes.ts";
import { traceHash } from "../app/route.ts";
import { number, plural } from "../parts/format.ts";
import { Empty } from "../parts/States.tsx";
import { TableCard } from "../parts/TableCard.tsx";
import { LongText } from "../traces/LongText.tsx";
import { toneOf, valueText } from "../traces/words.ts";
import { type ComparedRow, isDifferent, type Sum, summaries } from "./comparing.ts";

interface SidesProps {
  rows: ComparedRow[];
  /** What the two runs are called. */
  names: readonly [left: string, right: string];
}

/** What each of the two comes to, assessment by assessment. */
export function SummaryTable({ rows, names }: SidesProps) {
  const all = summaries(rows);
  return (
    <TableCard
      title="Assessments"
      columns={["Assessment", ...names, "Change"]}
      instead={
        all.length === 0 && (
          <Empty title="No assessments">
            <p className="quiet">Neither of the two has a trace that somebody or something has judged.</p>
          </Empty>
        )
      }
    >
      {all.map(({ name, left, right }) => (
        <tr key={name}>
          <td className="strong wrap-anywhere">{name}</td>
          <td className="number">{sumText(left)}</td>
          <td className="number">{sumText(right)}</td>
          <td className="number">{changeText(left, right)}</td>
        </tr>
      ))}
    </TableCard>
  );
}

function sumText({ count, mean, isShare }: Sum): string {
  if (count === 0) return "–";
  if (mean === null) return plural(count, "value");
  return isShare ? `${Math.round(mean * count)} of ${count} yes` : `mean ${number(mean)} of ${count}`;
}

function changeText(left: Sum, right: Sum): string {
  if (left.mean === null || right.mean === null || left.isShare !== right.isShare) return "";
  const change = right.mean - left.mean;
  const sign = change > 0 ? "+" : "";
  return left.isShare
    ? `${sign}${number(Math.round(change * 1000) / 10)} points`
    : `${sign}${number(change)}`;
}

interface RowsProps extends SidesProps {
  experimentId: string;
  onlyDifferent: boolean;
  onChange: (onlyDifferent: boolean) => void;
}

/** The requests, with what each of the two answered and what is thought of it. */
export function ComparedTable({ rows, names, experimentId, onlyDifferent, onChange }: RowsProps) {
  const differing = rows.filter(isDifferent);
  const shown = onlyDifferent ? differing : rows;
  return (
    <TableCard
      title="Answers"
      count={rows.length}
      columns={["Request", ...names]}
      tools={
        <label className="check">
          <input
            type="checkbox"
            checked={onlyDifferent}
            onChange={(event) => onChange(event.target.checked)}
          />
          Only the {differing.length} that differ
        </label>
      }
      instead={shown.length === 0 && <Empty title={rows.length === 0 ? "No traces" : "Nothing differs"} />}
    >
      {shown.map((row, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a request may be there twice, and rows never change place
        <tr key={`${at} ${row.request}`}>
          <td className="record-value">
            <LongText text={row.request} label="Request" isCode />
          </td>
          {(["left", "right"] as const).map((side) => (
            <td key={side} className={`record-value ${row.isAnswerDifferent ? "differs" : ""}`}>
              <Answer trace={row[side]} experimentId={experimentId} />
              <ul className="opinions">
                {row.opinions.map(({ name, isDifferent: differs, ...both }) => (
                  <li key={name}>
                    <OpinionPill name={name} assessment={both[side]} isDifferent={differs} />
                  </li>
                ))}
              </ul>
            </td>
          ))}
        </tr>
      ))}
    </TableCard>
  );
}

function Answer({ trace, experimentId }: { trace: Trace | null; experimentId: string }) {
  if (!trace) return <span className="quiet">It was not asked this.</span>;
  return (
    <>
      <LongText text={trace.responsePreview || "–"} label="Answer" isCode />
      <a href={traceHash(experimentId, trace.traceId)}>
        {trace.state === "ERROR" ? "Trace of the error" : "Trace"}
      </a>
    </>
  );
}

interface PillProps {
  name: string;
  assessment: Assessment | null;
  isDifferent: boolean;
}

function OpinionPill({ name, assessment, isDifferent: differs }: PillProps) {
  return (
    <span className={`pill ${assessment ? toneOf(assessment) : ""}`} title={assessment?.rationale}>
      {differs && (
        <>
          <span aria-hidden="true">≠ </span>
          <span className="visually-hidden">differs: </span>
        </>
      )}
      {name}: {assessment ? valueText(assessment) : "–"}
    </span>
  );
}
