import { type ReactNode, useEffect, useId, useRef, useState } from "react";

interface Props {
  label: string;
  button: ReactNode;
  buttonClass?: string;
  isStart?: boolean;
  children: (close: () => void) => ReactNode;
}

/** A button that opens a sheet below it. Escape and a click elsewhere close it. */
export function Menu({ label, button, buttonClass = "button", isStart = false, children }: Props) {
  const [isOpen, setIsOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const sheetId = useId();
  const close = () => setIsOpen(false);

  useEffect(() => {
    if (!isOpen) return;
    const onPointer = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) setIsOpen(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setIsOpen(false);
      opener.current?.focus();
    };
    document.addEventListener("pointerdown", onPointer);
    document.addEventListener("keydown", onKey);
    return () => {
      document.removeEventListener("pointerdown", onPointer);
      document.removeEventListener("keydown", onKey);
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
