import type { ComputeTarget } from "../api/compute.ts";
import { isUnreachable, shareTaken } from "./words.ts";

/** How many of the slots are taken. */
export function SlotBar({ target }: { target: ComputeTarget }) {
  const { slots, slots_taken: taken } = target;
  return (
    <div className="slot-bar">
      <div className="track" aria-hidden="true">
        <div className="taken" style={{ width: `${shareTaken(target) * 100}%` }} />
      </div>
      <span className="number nowrap">
        {taken} of {slots}
      </span>
    </div>
  );
}

/** Whether it begins jobs. */
export function TargetPill({ target }: { target: ComputeTarget }) {
  const look = lookOf(target);
  return (
    <span className={`pill ${look.tone}`} title={target.unreachable_reason || undefined}>
      <span className="mark" />
      {look.text}
    </span>
  );
}

function lookOf(target: ComputeTarget): { tone: string; text: string } {
  if (target.is_leaving) return { tone: "bad", text: "Being deleted" };
  if (target.is_paused) return { tone: "warn", text: "Paused" };
  if (isUnreachable(target)) return { tone: "bad", text: "Unreachable" };
  return target.slots_taken > 0 ? { tone: "live", text: "Busy" } : { tone: "good", text: "Idle" };
}
