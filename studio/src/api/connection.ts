/** Whether the server answered last time. */
import { useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
let isUp = true;

function publish(next: boolean): void {
  if (isUp === next) return;
  isUp = next;
  for (const listener of listeners) listener();
}

export const lost = () => publish(false);
export const restored = () => publish(true);

export function useIsServerUp(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => isUp,
  );
}
