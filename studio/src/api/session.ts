/** Whether the server has asked who this is. The session itself is in a cookie that no page can read. */
import { useSyncExternalStore } from "react";

export interface SessionState {
  isAsked: boolean;
}

const ASKED: SessionState = { isAsked: true };
const NOT_ASKED: SessionState = { isAsked: false };
const listeners = new Set<() => void>();
let state = NOT_ASKED;

function publish(next: SessionState): void {
  if (next === state) return;
  state = next;
  for (const listener of listeners) listener();
}

/** The server refused a request that said not who sends it. */
export const ask = () => publish(ASKED);

/** Somebody has signed in. */
export const begin = () => publish(NOT_ASKED);

export function useSession(): SessionState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}
