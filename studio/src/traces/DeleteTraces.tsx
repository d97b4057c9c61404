import { useQueryClient } from "@tanstack/react-query";
import { deleteTraces } from "../api/traces.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { plural } from "../parts/format.ts";

interface Props {
  experimentId: string;
  traceIds: string[];
  onClose: () => void;
  onDone: () => void;
}

/** Asks before traces are deleted: there is no trash for them. */
export function DeleteTraces({ experimentId, traceIds, onClose, onDone }: Props) {
  const queries = useQueryClient();
  return (
    <Dialog
      title={traceIds.length === 1 ? "Delete the trace?" : `Delete ${plural(traceIds.length, "trace")}?`}
      action="Delete"
      isDanger
      onClose={onClose}
      onConfirm={async () => {
        await deleteTraces(experimentId, traceIds);
        onDone();
        await queries.invalidateQueries({ queryKey: ["traces"] });
      }}
    >
      <p>Spans, tags and assessments go with it, for good: traces can't be restored.</p>
    </Dialog>
  );
}
