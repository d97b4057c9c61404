import { useQuery } from "@tanstack/react-query";
import { listTargetKinds, type TargetKind } from "../api/compute.ts";

const NONE: TargetKind[] = [];

/** What targets may be; a server that runs never learns another kind. */
export function useTargetKinds(): TargetKind[] {
  const { data } = useQuery({
    queryKey: ["compute-kinds"],
    queryFn: ({ signal }) => listTargetKinds(signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return data ?? NONE;
}
