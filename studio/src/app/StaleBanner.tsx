import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useIsServerUp } from "../api/connection.ts";
import { send } from "../api/transport.ts";

const PING_MS = 2000;

/** Says that what is on screen is old while the server does not answer, and reloads it all when it does again. */
export function StaleBanner() {
  const isUp = useIsServerUp();
  const queries = useQueryClient();
  const wasUp = useRef(true);
  useEffect(() => {
    if (isUp && !wasUp.current) void queries.invalidateQueries();
    wasUp.current = isUp;
  }, [isUp, queries]);
  useQuery({
    queryKey: ["ping"],
    queryFn: async ({ signal }) => (await send("health", { signal })).text(),
    enabled: !isUp,
    refetchInterval: PING_MS,
    retry: false,
    gcTime: 0,
  });
  if (isUp) return null;
  return (
    <div className="note warn stale" role="status">
      The server does not answer. What you see may be stale; it will refresh by itself.
    </div>
  );
}
