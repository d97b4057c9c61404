import { type KeyboardEvent, type PointerEvent, type ReactNode, useRef, useState } from "react";

const STORAGE_KEY = "runyard.split";
const LEAST = 20;
const MOST = 80;
const FIRST = 46;
const KEY_STEP = 4;

function stored(): number {
  const percent = Number(window.localStorage.getItem(STORAGE_KEY) ?? FIRST);
  return percent >= LEAST && percent <= MOST ? percent : FIRST;
}

/** Two panes with a bar to drag between them; on a narrow screen one of the two. */
export function Split({
  start,
  end,
  isNarrowStart,
}: {
  start: ReactNode;
  end: ReactNode;
  isNarrowStart: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [percent, setPercent] = useState(stored);

  function move(next: number) {
    const held = Math.round(Math.min(MOST, Math.max(LEAST, next)));
    setPercent(held);
    window.localStorage.setItem(STORAGE_KEY, String(held));
  }
  function drag(event: PointerEvent<HTMLDivElement>) {
    if (!event.currentTarget.hasPointerCapture(event.pointerId) || !box.current) return;
    const { left, width } = box.current.getBoundingClientRect();
    move(((event.clientX - left) / width) * 100);
  }
  function press(event: KeyboardEvent) {
    if (event.key === "ArrowLeft") move(percent - KEY_STEP);
    if (event.key === "ArrowRight") move(percent + KEY_STEP);
  }

  return (
    <div
      ref={box}
      className={`split ${isNarrowStart ? "narrow-start" : "narrow-end"}`}
      style={{ gridTemplateColumns: `minmax(0, ${percent}fr) 7px minmax(0, ${100 - percent}fr)` }}
    >
      {start}
      {/* biome-ignore lint/a11y/useSemanticElements: a separator that moves is a widget, an hr is not */}
      <div
        className="split-bar"
        role="separator"
        aria-orientation="vertical"
        aria-label="Width of the table"
        aria-valuenow={percent}
        aria-valuemin={LEAST}
        aria-valuemax={MOST}
        tabIndex={0}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={drag}
        onKeyDown={press}
      />
      {end}
    </div>
  );
}
