import { useNow } from "./clock.ts";
import { ago, duration, localTime, moment, utcTime } from "./format.ts";

/** A moment in local time; UTC on hover. */
export function Time({ ms, isRelative = false }: { ms: number | null; isRelative?: boolean }) {
  const now = useNow(isRelative);
  if (ms === null) return <span className="quiet">–</span>;
  return (
    <time dateTime={moment(ms).toISOString()} title={`${localTime(ms)}\n${utcTime(ms)}`}>
      {isRelative ? ago(ms, now) : localTime(ms)}
    </time>
  );
}

/** How long something took, counting on while it has no end. */
export function Duration({ startedMs, endedMs }: { startedMs: number | null; endedMs: number | null }) {
  const now = useNow(endedMs === null);
  if (startedMs === null) return <span className="quiet">–</span>;
  return <span className="number">{duration((endedMs ?? now) - startedMs)}</span>;
}
