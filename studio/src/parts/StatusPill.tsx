import type { RunStatus } from "../api/types.ts";

const LOOKS: Record<string, { tone: string; text: string }> = {
  RUNNING: { tone: "live", text: "Running" },
  SCHEDULED: { tone: "warn", text: "Scheduled" },
  FINISHED: { tone: "good", text: "Finished" },
  FAILED: { tone: "bad", text: "Failed" },
  KILLED: { tone: "warn", text: "Killed" },
};

export function StatusPill({ status, isDeleted = false }: { status: RunStatus; isDeleted?: boolean }) {
  const look = isDeleted ? { tone: "", text: "Deleted" } : (LOOKS[status] ?? { tone: "", text: status });
  return (
    <span className={`pill ${look.tone}`}>
      <span className="mark" />
      {look.text}
    </span>
  );
}
