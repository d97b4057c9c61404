import { type ReactNode, useState } from "react";
import type { Span, SpanEvent, Trace } from "../api/traceTypes.ts";
import { Facts } from "../parts/Facts.tsx";
import { shortDuration } from "../parts/format.ts";
import { Time } from "../parts/Time.tsx";
import { ChatMessages } from "./ChatMessages.tsx";
import { LongText } from "./LongText.tsx";
import { messagesIn } from "./messages.ts";
import { shownValue, valueText } from "./words.ts";

const EXCEPTION = "exception";
/** What says on every span what its place in the page says. */
const KNOWN_ATTRIBUTES = new Set(["mlflow.traceRequestId"]);

/** One span: what it was given and gave, what happened meanwhile, and its attributes. */
export function SpanDetails({ span, trace }: { span: Span; trace: Trace }) {
  const exceptions = span.events.filter((event) => event.name === EXCEPTION);
  const events = span.events.filter((event) => event.name !== EXCEPTION);
  const attributes = [...span.attributes].filter(([key]) => !KNOWN_ATTRIBUTES.has(key));
  const opinions = trace.assessments.filter((one) => one.spanId === span.spanId && one.isValid);
  const length = span.endedMs === null ? "in progress" : shortDuration(span.endedMs - span.startedMs);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className="span-details stack" aria-label="The chosen span" tabIndex={0}>
      <div>
        <h3 className="wrap-anywhere">{span.name}</h3>
        <p className="quiet">
          {[span.type, length].filter(Boolean).join(" · ")} · <Time ms={span.startedMs} />
        </p>
      </div>
      {exceptions.length === 0 && (span.status === "ERROR" || span.statusMessage) && (
        <p className="note bad wrap-anywhere">{span.statusMessage || "It ended with an error."}</p>
      )}
      {exceptions.map((event) => (
        <Exception key={`${event.atMs} ${event.attributes.get("exception.type")}`} event={event} />
      ))}
      <Value title="Inputs" value={span.inputs} />
      <Value title="Outputs" value={span.outputs} />
      {opinions.length > 0 && (
        <Part title="Assessments of this span">
          <Facts facts={opinions.map((one) => [one.name, valueText(one)])} />
        </Part>
      )}
      {events.length > 0 && (
        <Part title="Events">
          <Facts
            facts={events.map((event) => [
              `+${shortDuration(event.atMs - span.startedMs)}`,
              <EventText key={event.atMs} event={event} />,
            ])}
          />
        </Part>
      )}
      {attributes.length > 0 && (
        <Part title="Attributes">
          <Facts
            facts={attributes.map(([key, value]) => [
              key,
              <LongText key={key} text={shownValue(value)} label={key} isCode={typeof value !== "string"} />,
            ])}
          />
        </Part>
      )}
    </section>
  );
}

function Part({ title, tools, children }: { title: string; tools?: ReactNode; children: ReactNode }) {
  return (
    <section className="span-part" aria-label={title}>
      <div className="row">
        <h3 className="grow">{title}</h3>
        {tools}
      </div>
      {children}
    </section>
  );
}

/** What a span was given or gave: as a conversation where it is one, and as JSON. */
function Value({ title, value }: { title: string; value: unknown }) {
  const messages = messagesIn(value);
  const [isRaw, setIsRaw] = useState(false);
  if (value === undefined || value === null) return null;
  return (
    <Part
      title={title}
      tools={
        messages && (
          <fieldset className="segments" aria-label={`${title} as`}>
            {[false, true].map((raw) => (
              <button
                key={String(raw)}
                type="button"
                className="button small"
                aria-pressed={isRaw === raw}
                onClick={() => setIsRaw(raw)}
              >
                {raw ? "JSON" : "Chat"}
              </button>
            ))}
          </fieldset>
        )
      }
    >
      {messages && !isRaw ? (
        <ChatMessages messages={messages} />
      ) : (
        <LongText text={shownValue(value)} label={title} isCode={typeof value !== "string"} />
      )}
    </Part>
  );
}

function Exception({ event }: { event: SpanEvent }) {
  const said = (key: string) => shownValue(event.attributes.get(`exception.${key}`));
  return (
    <section className="exception" aria-label="Exception">
      <h3 className="wrap-anywhere">
        {said("type") || "Exception"}: {said("message")}
      </h3>
      {said("stacktrace") && <LongText text={said("stacktrace")} label="Stack trace" isCode />}
    </section>
  );
}

function EventText({ event }: { event: SpanEvent }) {
  return (
    <>
      <strong>{event.name}</strong>
      {event.attributes.size > 0 && (
        <LongText text={shownValue(Object.fromEntries(event.attributes))} label={event.name} isCode />
      )}
    </>
  );
}
