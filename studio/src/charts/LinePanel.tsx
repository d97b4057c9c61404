import { useCallback, useMemo, useRef, useState } from "react";
import { useTheme } from "../app/theme.ts";
import { number } from "../parts/format.ts";
import { IconButton } from "../parts/IconButton.tsx";
import { failureText } from "../parts/States.tsx";
import { csvOf } from "./csv.ts";
import { download } from "./download.ts";
import { useFullScreen } from "./fullScreen.ts";
import { linesOf } from "./grouping.ts";
import { Legend } from "./Legend.tsx";
import { Plot } from "./Plot.tsx";
import { colour } from "./palette.ts";
import { downloadPicture } from "./picture.ts";
import { SaveMenu } from "./SaveMenu.tsx";
import type { ChartSettings } from "./settings.ts";
import { type PanelRun, usePanelSeries, type Zoom } from "./usePanelSeries.ts";
import { useWidth } from "./useWidth.ts";
import { ValueBars } from "./ValueBars.tsx";
import { type Drawn, svgOf } from "./vector.ts";

/** Panels of nearly the same width ask for the same number of points, and so share a request. */
const WIDTH_UNIT_PX = 50;
const WIDEST_PX = 4000;
const MANY_RUNS = 20;

/** Points to ask for: one a pixel, fewer when many lines share the panel. */
export function pointsFor(widthPx: number, runCount: number): number {
  const wanted = runCount > MANY_RUNS ? (widthPx * MANY_RUNS) / runCount : widthPx;
  return Math.min(WIDEST_PX, Math.max(WIDTH_UNIT_PX, Math.ceil(wanted / WIDTH_UNIT_PX) * WIDTH_UNIT_PX));
}

interface Props {
  metric: string;
  runs: PanelRun[];
  settings: ChartSettings;
  onZoom: (zoom: Zoom | null) => void;
  height?: number;
  hasLegend?: boolean;
}

/** One metric of several runs. */
export function LinePanel(props: Props) {
  const { metric, runs: members, settings, onZoom, height = 220, hasLegend = true } = props;
  const [box, width] = useWidth<HTMLDivElement>();
  const card = useRef<HTMLElement>(null);
  const drawn = useRef<Drawn | null>(null);
  const keepDrawn = useCallback((made: Drawn | null) => {
    drawn.current = made;
  }, []);
  const theme = useTheme();
  const [isFull, setIsFull] = useState(false);
  const { x, zoom, isLog, isLogX, smoothing } = settings;
  const read = usePanelSeries({
    runs: members,
    metric,
    x,
    zoom,
    width: width > 0 ? pointsFor(width, members.length) : 0,
  });
  const { isPending, error, refetch } = read;
  const { series, runs } = useMemo(() => linesOf(read.series, members), [read.series, members]);
  const drawnIds = useMemo(() => new Set(series.map((one) => one.runId)), [series]);
  const legend = runs.filter((run) => drawnIds.has(run.runId));
  // A metric logged once has no line: its values are compared as bars.
  const isSingle = zoom === null && series.length > 0 && series.every((one) => one.x.length === 1);
  const last = series.length === 1 && !isSingle ? series[0]?.y.at(-1) : null;

  function saveCsv() {
    const names = new Map(runs.map((run) => [run.runId, run.name]));
    download(new Blob([csvOf(series, names, x)], { type: "text/csv" }), `${metric}.csv`);
  }

  function savePicture(isVector: boolean) {
    if (!drawn.current) return;
    const lines = legend.map(({ name, slot }) => ({ name, stroke: colour(slot, theme) }));
    if (isVector) {
      const drawing = svgOf(drawn.current, metric, lines);
      download(new Blob([drawing], { type: "image/svg+xml" }), `${metric}.svg`);
    } else {
      downloadPicture(drawn.current.plot.ctx.canvas, metric, lines);
    }
  }

  useFullScreen(card, isFull, () => setIsFull(false));
  const plotHeight = isFull ? Math.max(240, window.innerHeight - 150) : height;
  return (
    <figure ref={card} className={`card panel ${isFull ? "full" : ""}`} aria-label={`Chart of ${metric}`}>
      <figcaption className="row">
        <h2 className="ellipsis grow" title={metric}>
          {metric}
        </h2>
        {last !== null && last !== undefined && <span className="number quiet">{number(last)}</span>}
        {zoom && <IconButton icon="restore" label="Show all steps again" onClick={() => onZoom(null)} />}
        <SaveMenu metric={metric} isDrawn={!isSingle} onPicture={savePicture} onCsv={saveCsv} />
        <IconButton
          icon={isFull ? "close" : "expand"}
          label={isFull ? "Leave full screen" : `Show ${metric} on the full screen`}
          onClick={() => setIsFull(!isFull)}
        />
      </figcaption>
      <div ref={box} className="plot-box" style={{ minHeight: plotHeight }}>
        {error ? (
          <div className="panel-note" role="alert">
            {failureText(error).detail}
            <button type="button" className="button small" onClick={refetch}>
              Try again
            </button>
          </div>
        ) : series.length === 0 ? (
          isPending ? (
            <span className="skeleton chart" />
          ) : (
            <div className="panel-note quiet">{zoom ? "No points in this stretch" : "No points"}</div>
          )
        ) : isSingle ? (
          <ValueBars series={series} runs={runs} />
        ) : (
          <Plot
            series={series}
            runs={runs}
            x={x}
            isLog={isLog}
            isLogX={isLogX}
            smoothing={smoothing}
            zoom={zoom}
            onZoom={onZoom}
            width={width}
            height={plotHeight}
            onDrawn={keepDrawn}
          />
        )}
      </div>
      {hasLegend && !isSingle && <Legend runs={legend} />}
    </figure>
  );
}
