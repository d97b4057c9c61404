import { type PointerEvent, useEffect, useMemo, useRef, useState } from "react";
import { useTheme } from "../app/theme.ts";
import { type Axis, keptLines, lineNear, type Range, shade, ticksOf } from "./parallel.ts";
import { useWidth } from "./useWidth.ts";

const HEIGHT_PX = 300;
const TOP_PX = 34;
const BOTTOM_PX = 14;
const SIDE_PX = 56;
const LEAST_GAP_PX = 110;
const GRIP_PX = 11;
const LEAST_RANGE = 0.01;
const MANY = 200;
const LENGTH_PX = HEIGHT_PX - TOP_PX - BOTTOM_PX;

interface Props {
  axes: Axis[];
  /** The key of the axis that lines have their colours by; null for one colour. */
  colourBy: string | null;
  names: string[];
  ranges: ReadonlyMap<string, Range>;
  onRange: (key: string, range: Range | null) => void;
  onOpen: (line: number) => void;
}

const topOf = (place: number) => TOP_PX + (1 - place) * LENGTH_PX;

/** The lines and their axes. A range is drawn over an axis; the line under the pointer is named and opened. */
export function ParallelPlot({ axes, colourBy, names, ranges, onRange, onOpen }: Props) {
  const [frame, frameWidth] = useWidth<HTMLDivElement>();
  const [near, setNear] = useState<number | null>(null);
  const width = Math.max(frameWidth, 2 * SIDE_PX + (axes.length - 1) * LEAST_GAP_PX);
  const gap = axes.length > 1 ? (width - 2 * SIDE_PX) / (axes.length - 1) : 0;
  const kept = useMemo(() => keptLines(axes, ranges, names.length), [axes, ranges, names.length]);

  function look(event: PointerEvent<SVGSVGElement>) {
    const box = event.currentTarget.getBoundingClientRect();
    const x = (event.clientX - box.left - SIDE_PX) / gap;
    setNear(lineNear(axes, kept, x, 1 - (event.clientY - box.top - TOP_PX) / LENGTH_PX));
  }

  return (
    <div ref={frame} className="parallel" style={{ minHeight: HEIGHT_PX }}>
      {/* Drawn for another width first, axes would move away from under whoever points at one. */}
      {frameWidth > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        <section className="scroll-x" tabIndex={0} aria-label="Axes">
          <div className="parallel-layers" style={{ width, height: HEIGHT_PX }}>
            <Lines axes={axes} colourBy={colourBy} kept={kept} near={near} width={width} gap={gap} />
            {/* biome-ignore lint/a11y/useKeyWithClickEvents: the table has a link for each of the lines */}
            <svg
              role="img"
              aria-label={`${names.length} lines over ${axes.map(({ label }) => label).join(", ")}`}
              width={width}
              height={HEIGHT_PX}
              className={near === null ? "" : "near"}
              onPointerMove={look}
              onPointerLeave={() => setNear(null)}
              onClick={() => near !== null && onOpen(near)}
            >
              {axes.map((axis, at) => (
                <AxisMarks
                  key={axis.key}
                  axis={axis}
                  x={SIDE_PX + at * gap}
                  range={ranges.get(axis.key)}
                  onRange={(range) => onRange(axis.key, range)}
                />
              ))}
            </svg>
          </div>
        </section>
      )}
      <p className="quiet ellipsis parallel-under" role="status">
        {near === null ? " " : names[near]}
      </p>
    </div>
  );
}

interface LinesProps {
  axes: Axis[];
  colourBy: string | null;
  kept: boolean[];
  near: number | null;
  width: number;
  gap: number;
}

/** Thousands of lines are more than a page has elements for, so they are painted. */
function Lines({ axes, colourBy, kept, near, width, gap }: LinesProps) {
  const theme = useTheme();
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const paint = canvas.current?.getContext("2d");
    if (!canvas.current || !paint) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.current.width = width * ratio;
    canvas.current.height = HEIGHT_PX * ratio;
    paint.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint.clearRect(0, 0, width, HEIGHT_PX);
    const style = window.getComputedStyle(document.documentElement);
    const shares = axes.find(({ key }) => key === colourBy)?.places;
    const draw = (line: number, colour: string, thickness: number, strength: number) => {
      paint.strokeStyle = colour;
      paint.lineWidth = thickness;
      paint.globalAlpha = strength;
      paint.beginPath();
      let isOn = false;
      for (const [at, { places }] of axes.entries()) {
        const place = places[line] ?? null;
        if (place === null) isOn = false;
        else {
          const [x, y] = [SIDE_PX + at * gap, topOf(place)];
          if (isOn) paint.lineTo(x, y);
          else paint.moveTo(x, y);
          isOn = true;
        }
      }
      paint.stroke();
    };
    const colourOf = (line: number) => {
      const share = shares ? (shares[line] ?? null) : 0.5;
      return share === null ? style.getPropertyValue("--ink-3") : shade(share, theme);
    };
    const strength = kept.length > MANY ? 0.45 : 0.85;
    for (const [line, isKept] of kept.entries()) {
      if (!isKept) draw(line, style.getPropertyValue("--grid"), 1, 0.6);
    }
    for (const [line, isKept] of kept.entries()) if (isKept) draw(line, colourOf(line), 1.4, strength);
    if (near !== null) draw(near, style.getPropertyValue("--ink"), 2.4, 1);
  }, [axes, colourBy, kept, near, width, gap, theme]);
  return <canvas ref={canvas} style={{ width, height: HEIGHT_PX }} />;
}

interface AxisProps {
  axis: Axis;
  x: number;
  range: Range | undefined;
  onRange: (range: Range | null) => void;
}

/** An axis with its ticks. Dragged along, it gets a range; pressed, it loses that. */
function AxisMarks({ axis, x, range, onRange }: AxisProps) {
  const begun = useRef<number | null>(null);
  const placeOf = (event: PointerEvent<SVGRectElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(Math.max(1 - (event.clientY - box.top) / box.height, 0), 1);
  };
  return (
    <g>
      <text x={x} y={14} className="axis-name" textAnchor="middle">
        {axis.label.length > 18 ? `${axis.label.slice(0, 17)}…` : axis.label}
        {axis.isLog ? " (log)" : ""}
        <title>{axis.label}</title>
      </text>
      <line x1={x} x2={x} y1={TOP_PX} y2={TOP_PX + LENGTH_PX} className="axis-line" />
      {ticksOf(axis).map(({ place, text }) => (
        <text key={place} x={x + 5} y={topOf(place) + 4} className="axis-tick">
          {text}
        </text>
      ))}
      {range && (
        <rect
          className="axis-range"
          x={x - GRIP_PX / 2}
          width={GRIP_PX}
          y={topOf(range.to)}
          height={Math.max(topOf(range.from) - topOf(range.to), 2)}
        />
      )}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: "Axes" has fields that do the same */}
      <rect
        className="axis-grip"
        data-axis={axis.key}
        x={x - GRIP_PX}
        width={2 * GRIP_PX}
        y={TOP_PX}
        height={LENGTH_PX}
        onClick={(event) => event.stopPropagation()}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          begun.current = placeOf(event);
        }}
        onPointerMove={(event) => {
          if (begun.current === null) return;
          const [one, other] = [begun.current, placeOf(event)];
          if (Math.abs(one - other) < LEAST_RANGE) return;
          onRange({ from: Math.min(one, other), to: Math.max(one, other) });
        }}
        onPointerUp={(event) => {
          const from = begun.current;
          begun.current = null;
          if (from !== null && Math.abs(from - placeOf(event)) < LEAST_RANGE) onRange(null);
        }}
      />
    </g>
  );
}
