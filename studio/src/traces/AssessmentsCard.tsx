import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useCaller } from "../api/caller.ts";
import { assess, deleteAssessment } from "../api/traces.ts";
import type { Assessment, Trace } from "../api/traceTypes.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { IconButton } from "../parts/IconButton.tsx";
import { Time } from "../parts/Time.tsx";
import { AssessmentDialog } from "./AssessmentDialog.tsx";
import { giverOf, toneOf, valueText } from "./words.ts";

const KIND_TEXTS = { feedback: "Feedback", expectation: "Expected", issue: "Issue" };

type Asked = { about: "new" } | { about: "override" | "delete"; assessment: Assessment };

/** What is thought of a trace: feedback, expectations, issues. */
export function AssessmentsCard({ trace, mayChange }: { trace: Trace; mayChange: boolean }) {
  const queries = useQueryClient();
  const caller = useCaller();
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = () => setAsked(null);
  const refresh = () => queries.invalidateQueries({ queryKey: ["trace", trace.traceId] });
  const overridden = asked?.about === "override" ? asked.assessment : null;
  return (
    <section className="card" aria-label="Assessments">
      <header className="row">
        <h2 className="grow">
          Assessments <span className="quiet number">{trace.assessments.length || ""}</span>
        </h2>
        {mayChange && (
          <button type="button" className="button small" onClick={() => setAsked({ about: "new" })}>
            <Icon name="plus" /> Add
          </button>
        )}
      </header>
      {trace.assessments.length === 0 && (
        <p className="quiet card-note">
          Nobody has said anything of it. Feedback tells how good it is, an expectation what should have come
          out.
        </p>
      )}
      <ul className="assessments">
        {trace.assessments.map((one) => (
          <Line
            key={one.assessmentId}
            assessment={one}
            {...(mayChange ? { onAsk: (about) => setAsked({ about, assessment: one }) } : {})}
          />
        ))}
      </ul>
      {(asked?.about === "new" || overridden) && (
        <AssessmentDialog
          overridden={overridden}
          onClose={close}
          onOpinion={async (opinion) => {
            await assess(trace.traceId, opinion, caller?.name ?? "", overridden?.assessmentId);
            await refresh();
          }}
        />
      )}
      {asked?.about === "delete" && (
        <Dialog
          title={`Delete the assessment “${asked.assessment.name}”?`}
          action="Delete"
          isDanger
          onClose={close}
          onConfirm={async () => {
            await deleteAssessment(trace.traceId, asked.assessment.assessmentId);
            await refresh();
          }}
        >
          <p>
            {asked.assessment.overrides ? "The one that it stood for counts again." : "It is gone for good."}
          </p>
        </Dialog>
      )}
    </section>
  );
}

function Line(props: { assessment: Assessment; onAsk?: (about: "override" | "delete") => void }) {
  const { assessment, onAsk } = props;
  const { name, kind, rationale, isValid, spanId, overrides } = assessment;
  return (
    <li className={isValid ? "" : "overridden"} aria-label={`${KIND_TEXTS[kind]} ${name}`}>
      <div className="row wrap">
        <strong className="wrap-anywhere">{name}</strong>
        <span className={`pill ${toneOf(assessment)} wrap-pill`}>{valueText(assessment)}</span>
        <span className="grow" />
        {onAsk && isValid && kind !== "issue" && (
          <IconButton icon="pencil" label={`Override ${name}`} onClick={() => onAsk("override")} />
        )}
        {onAsk && <IconButton icon="trash" label={`Delete ${name}`} onClick={() => onAsk("delete")} />}
      </div>
      {rationale && <p className="note-text wrap-anywhere">{rationale}</p>}
      <p className="quiet">
        {[
          KIND_TEXTS[kind],
          `by ${giverOf(assessment)}`,
          spanId && "of a span",
          overrides && "overrides another",
          !isValid && "overridden",
        ]
          .filter(Boolean)
          .join(" · ")}{" "}
        · <Time ms={assessment.createdMs} isRelative />
      </p>
    </li>
  );
}
