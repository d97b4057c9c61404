import { type RefObject, useEffect, useRef } from "react";

/** While a panel covers the page, Tab goes round in it and Escape ends it, wherever the focus is. */
export function useFullScreen(panel: RefObject<HTMLElement | null>, isFull: boolean, end: () => void): void {
  const latest = useRef(end);
  latest.current = end;
  useEffect(() => {
    if (!isFull) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape") latest.current();
      if (event.key !== "Tab") return;
      const stops = [...(panel.current?.querySelectorAll<HTMLElement>("button:enabled") ?? [])];
      const at = stops.indexOf(document.activeElement as HTMLElement);
      const next = event.shiftKey ? (at <= 0 ? stops.length : at) - 1 : (at + 1) % stops.length;
      event.preventDefault();
      stops[next]?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [panel, isFull]);
}
