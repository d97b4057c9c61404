import { useRef } from "react";

/** The same object as before while its content is the same, so that what is drawn of it is left alone. */
export function useSteady<T>(value: T): T {
  const text = JSON.stringify(value);
  const kept = useRef({ text, value });
  if (kept.current.text !== text) kept.current = { text, value };
  return kept.current.value;
}
