/** The box beside the crosshair: every run's value at that place. Built of text nodes, never of markup. */
import type uPlot from "uplot";
import type { XAxis } from "../api/runyard.ts";
import { number } from "../parts/format.ts";
import { xText } from "./axes.ts";
import type { DrawnColumn } from "./traces.ts";

const ROWS_SHOWN = 8;

export interface RunLook {
  name: string;
  stroke: string;
  dash: number[];
}

interface Line {
  runId: string;
  value: number;
  smoothed: number | null;
  atX: number;
  distance: number;
}

function linesAt(plot: uPlot, columns: DrawnColumn[]): Line[] {
  const lines = new Map<string, Line>();
  const cursorY = plot.cursor.top ?? 0;
  columns.forEach((column, index) => {
    if (column.role === "low" || column.role === "high") return;
    const at = plot.cursor.idxs?.[index + 1];
    const value = at === null || at === undefined ? null : plot.data[index + 1]?.[at];
    if (at === null || at === undefined || value === null || value === undefined) return;
    const before = lines.get(column.runId);
    if (before) {
      before.smoothed = value;
      return;
    }
    lines.set(column.runId, {
      runId: column.runId,
      value,
      smoothed: null,
      atX: plot.data[0][at] ?? 0,
      distance: Math.abs(plot.valToPos(value, "y") - cursorY),
    });
  });
  return [...lines.values()];
}

function element(className: string, text = ""): HTMLElement {
  const made = document.createElement("div");
  made.className = className;
  made.textContent = text;
  return made;
}

function fill(box: HTMLElement, lines: Line[], looks: ReadonlyMap<string, RunLook>, x: XAxis): void {
  const nearest = lines.reduce((best, line) => (line.distance < best.distance ? line : best));
  const shown = [...lines].sort((a, b) => a.distance - b.distance).slice(0, ROWS_SHOWN);
  shown.sort((a, b) => b.value - a.value);
  box.replaceChildren(element("tooltip-x", xText(nearest.atX, x)));
  for (const line of shown) {
    const look = looks.get(line.runId);
    const row = element(line === nearest ? "tooltip-row nearest" : "tooltip-row");
    const dot = element("dot");
    dot.style.background = look?.stroke ?? "";
    const smoothed = line.smoothed === null ? "" : ` (${number(line.smoothed)})`;
    row.append(
      dot,
      element("tooltip-name", look?.name ?? ""),
      element("tooltip-value", number(line.value) + smoothed),
    );
    box.append(row);
  }
  if (lines.length > shown.length) box.append(element("quiet", `and ${lines.length - shown.length} more`));
}

function place(box: HTMLElement, plot: uPlot): void {
  const left = plot.cursor.left ?? 0;
  const isRight = left > plot.over.clientWidth / 2;
  const gap = 14;
  const room = plot.over.clientWidth;
  box.style.left = isRight ? "" : `${left + gap}px`;
  box.style.right = isRight ? `${room - left + gap}px` : "";
}

export function tooltipPlugin(
  columns: () => DrawnColumn[],
  looks: () => ReadonlyMap<string, RunLook>,
  x: XAxis,
): uPlot.Plugin {
  const box = element("tooltip");
  let isHere = false;
  const hide = () => {
    box.hidden = true;
  };
  return {
    hooks: {
      init: (plot) => {
        hide();
        plot.over.append(box);
        plot.over.addEventListener("mouseenter", () => {
          isHere = true;
        });
        plot.over.addEventListener("mouseleave", () => {
          isHere = false;
          hide();
        });
      },
      setCursor: (plot) => {
        const lines = isHere && (plot.cursor.left ?? -1) >= 0 ? linesAt(plot, columns()) : [];
        if (lines.length === 0) {
          hide();
          return;
        }
        fill(box, lines, looks(), x);
        place(box, plot);
        box.hidden = false;
      },
    },
  };
}
