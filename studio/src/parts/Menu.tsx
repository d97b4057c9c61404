import { type ReactNode, useEffect, useId, useRef, useState } from "react";

interface Props {
  label: string;
  button: ReactNode;
  buttonClass?: string;
  isStart?: boolean;
  children: (close: () => void) => ReactNode;
}

/** Move the focus over the opener and what is in its sheet as an arrow key says; tell whether it was one. */
function hasMoved(root: HTMLElement, { key, target }: KeyboardEvent): boolean {
  const by = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (!by || (target as HTMLElement).matches("select, textarea, input[type=number]")) return false;
  const stops = [
    ...root.querySelectorAll<HTMLElement>("a[href], button:enabled, input:enabled, select:enabled"),
  ];
  const next = stops.indexOf(target as HTMLElement) + by;
  stops[Math.min(stops.length - 1, Math.max(0, next))]?.focus();
  return true;
}

/** A button that opens a sheet below it. Arrows move in it; Escape, a click and the focus elsewhere close it. */
export function Menu({ label, button, buttonClass = "button", isStart = false, children }: Props) {
  const [isOpen, setIsOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const sheetId = useId();
  const close = () => {
    // What was chosen goes with the sheet: without this, whoever uses the keyboard would be nowhere.
    opener.current?.focus();
    setIsOpen(false);
  };

  useEffect(() => {
    if (!isOpen) return;
    const onPointer = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) setIsOpen(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape") {
        setIsOpen(false);
        opener.current?.focus();
      } else if (root.current?.contains(event.target as Node) && hasMoved(root.current, event)) {
        event.preventDefault();
      }
    };
    const onFocus = (event: FocusEvent) => {
      if (!root.current?.contains(event.target as Node)) setIsOpen(false);
    };
    document.addEventListener("pointerdown", onPointer);
    document.addEventListener("keydown", onKey);
    document.addEventListener("focusin", onFocus);
    return () => {
      document.removeEventListener("pointerdown", onPointer);
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("focusin", onFocus);
    };
  }, [isOpen]);

  return (
    <div ref={root} className={`menu ${isStart ? "start" : ""}`}>
      <button
        ref={opener}
        type="button"
        className={buttonClass}
        aria-label={label}
        aria-expanded={isOpen}
        aria-controls={sheetId}
        title={label}
        onClick={() => setIsOpen(!isOpen)}
      >
        {button}
      </button>
      {isOpen && (
        <fieldset id={sheetId} className="sheet" aria-label={label}>
          {children(close)}
        </fieldset>
      )}
    </div>
  );
}
