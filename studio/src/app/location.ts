import { useCallback, useMemo, useSyncExternalStore } from "react";
import { type Place, placeOf } from "./route.ts";

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("hashchange", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("hashchange", listener);
  };
}

const currentHash = () => window.location.hash;

/** Go to a hash. `replace` leaves no entry in the history: for settings that follow a slider or a drag. */
export function go(hash: string, { replace = false } = {}): void {
  if (hash === currentHash()) return;
  if (replace) window.history.replaceState(null, "", hash);
  else window.history.pushState(null, "", hash);
  for (const listener of listeners) listener();
}

export function usePlace(): Place {
  const hash = useSyncExternalStore(subscribe, currentHash);
  return useMemo(() => placeOf(hash), [hash]);
}

/** What a screen keeps in the address, by name; null takes a name out. */
export type QueryChange = Record<string, string | null>;

/** Put a change into the query of a hash. */
export function changedHash(hash: string, change: QueryChange): string {
  const { query } = placeOf(hash);
  for (const [name, value] of Object.entries(change)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const path = hash.split("?")[0] || "#/";
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

export function useUrlQuery(): [URLSearchParams, (change: QueryChange, how?: { push?: boolean }) => void] {
  const { query } = usePlace();
  const change = useCallback((next: QueryChange, { push = false } = {}) => {
    go(changedHash(currentHash(), next), { replace: !push });
  }, []);
  return [query, change];
}
