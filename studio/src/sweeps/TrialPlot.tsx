import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import type { Sweep, Trial } from "../api/sweeps.ts";
import { useTheme } from "../app/theme.ts";
import { colour } from "../charts/palette.ts";
import { useWidth } from "../charts/useWidth.ts";
import { number } from "../parts/format.ts";
import { optionsOf } from "./plotOptions.ts";

const HEIGHT_PX = 240;
/** Of so many points each is drawn smaller, so that they can be told apart. */
const MANY = 1000;
const POINT_PX = 6;
const SMALL_POINT_PX = 3;

export interface TrialPoint {
  trial: Trial;
  x: number;
  y: number;
}

interface Props {
  sweep: Sweep;
  /** From left to right. */
  points: TrialPoint[];
  /** The best so far at each of them; null for a chart without that line. */
  best: number[] | null;
  names: string[] | null;
  isLogX: boolean;
  onOpen: (trial: Trial) => void;
}

/** Trials as points; the one under the pointer is named below, and opened by a click. */
export function TrialPlot({ sweep, points, best, names, isLogX, onOpen }: Props) {
  const theme = useTheme();
  const [frame, width] = useWidth<HTMLDivElement>();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [near, setNear] = useState<number | null>(null);
  const data = useMemo(
    (): uPlot.AlignedData => [
      points.map(({ x }) => x),
      points.map(({ y }) => y),
      best ?? points.map(() => null),
    ],
    [points, best],
  );
  const isByTrial = best !== null;
  const pointPx = points.length > MANY ? SMALL_POINT_PX : POINT_PX;
  const isWhole = !isLogX && points.every(({ x }) => Number.isInteger(x));
  const latest = useRef(data);
  latest.current = data;
  const axisNames = names?.join("\n");

  // biome-ignore lint/correctness/useExhaustiveDependencies: what is drawn is fed below; these need a new plot
  useEffect(() => {
    if (!box.current || width <= 0) return;
    const style = window.getComputedStyle(document.documentElement);
    const colours = {
      text: style.getPropertyValue("--ink-3"),
      grid: style.getPropertyValue("--grid"),
      point: colour(0, theme),
      best: colour(1, theme),
    };
    const settings = {
      width,
      height: HEIGHT_PX,
      names,
      isLogX,
      isByTrial,
      isWhole,
      pointPx,
      colours,
      onNear: setNear,
    };
    const made = new uPlot(optionsOf(settings), latest.current, box.current);
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
    };
  }, [theme, width, axisNames, isLogX, isByTrial, isWhole, pointPx]);

  useEffect(() => plot.current?.setData(data), [data]);

  const point = near === null ? undefined : points[near];
  return (
    <div ref={frame} className="trial-plot">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the table below has a link for each trial */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the table below has a link for each trial */}
      <div
        ref={box}
        className={point ? "plot near" : "plot"}
        style={{ height: HEIGHT_PX }}
        onClick={() => point && onOpen(point.trial)}
      />
      <p className="quiet ellipsis trial-under">{point ? pointText(sweep, point) : " "}</p>
    </div>
  );
}

function pointText({ metric }: Sweep, { trial, y }: TrialPoint): string {
  const values = Object.entries(trial.parameters).map(
    ([name, value]) => `${name} ${typeof value === "number" ? number(value) : value}`,
  );
  return [`Trial ${trial.number}: ${metric} ${number(y)}`, ...values].join(", ");
}
