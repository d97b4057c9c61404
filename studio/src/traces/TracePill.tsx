import type { TraceState } from "../api/traceTypes.ts";
import { STATE_LOOKS } from "./words.ts";

export function TracePill({ state }: { state: TraceState }) {
  const look = STATE_LOOKS[state] ?? STATE_LOOKS.STATE_UNSPECIFIED;
  return (
    <span className={`pill ${look.tone}`}>
      <span className="mark" />
      {look.text}
    </span>
  );
}
