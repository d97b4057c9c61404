import { useEffect, useRef } from "react";

/** Keys that act anywhere on the screen but where text is typed or a control has its own use for them. */
export function useKeyboard(keys: Record<string, (event: KeyboardEvent) => void>): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const target = event.target as HTMLElement;
      const isTyping =
        target.matches("input:not([type=checkbox]), select, textarea") || target.closest("dialog");
      const isControl = event.key === "Enter" && target.matches("a, button");
      const act = latest.current[event.key];
      if (!act || isTyping || isControl) return;
      event.preventDefault();
      act(event);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
