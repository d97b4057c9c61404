/** A panel as a drawing that grows without getting coarse: what uPlot has on its canvas, as SVG. */
import type uPlot from "uplot";
import { type NamedLine, type PictureColours, pictureParts } from "./picture.ts";
import type { RunLook } from "./tooltip.ts";
import type { ColumnRole, DrawnColumn } from "./traces.ts";

export interface Drawn {
  plot: uPlot;
  columnNow: (index: number) => DrawnColumn | undefined;
  looks: () => ReadonlyMap<string, RunLook>;
}

/** What uPlot keeps of an axis between two drawings: places and their labels. */
interface DrawnAxis {
  _splits?: number[] | null;
  _values?: (string | null)[] | null;
}

const AXIS_PX = 11;
const LABEL_GAP = 5;
const LOOKS: Record<ColumnRole, { width: number; opacity: number }> = {
  line: { width: 1.6, opacity: 1 },
  raw: { width: 1, opacity: 0.28 },
  low: { width: 0, opacity: 0 },
  high: { width: 0, opacity: 0 },
};

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const place = (value: number) => String(Math.round(value * 100) / 100);

type Points = [x: number, y: number][];

/** The stretches of a column between its gaps; a place that only other columns have is no gap. */
function stretchesOf(plot: uPlot, column: number): Points[] {
  const stretches: Points[] = [[]];
  (plot.data[column] ?? []).forEach((value, index) => {
    if (value === undefined) return;
    if (value === null) stretches.push([]);
    else stretches.at(-1)?.push([plot.valToPos(plot.data[0][index] ?? 0, "x"), plot.valToPos(value, "y")]);
  });
  return stretches.filter((points) => points.length > 0);
}

const pathOf = (points: Points) =>
  points.map(([x, y], at) => `${at ? "L" : "M"}${place(x)} ${place(y)}`).join("");

function bandOf(plot: uPlot, high: number): string {
  const ends = [stretchesOf(plot, high), stretchesOf(plot, high - 1)] as const;
  return ends[0].map((top, at) => `${pathOf([...top, ...(ends[1][at] ?? []).reverse()])}Z`).join("");
}

function linesOf({ plot, columnNow, looks }: Drawn): string[] {
  return plot.series.slice(1).flatMap((_, index) => {
    const column = columnNow(index);
    const look = looks().get(column?.runId ?? "");
    if (!column || !look || column.role === "low") return [];
    const stroke = escaped(look.stroke);
    if (column.role === "high")
      return [`<path d="${bandOf(plot, index + 1)}" fill="${stroke}" opacity="0.18"/>`];
    const { width, opacity } = LOOKS[column.role];
    const dash = look.dash.length > 0 ? ` stroke-dasharray="${look.dash.join(" ")}"` : "";
    return stretchesOf(plot, index + 1).map((points) => {
      const [x, y] = points[0] ?? [0, 0];
      return points.length === 1
        ? `<circle cx="${place(x)}" cy="${place(y)}" r="2.5" fill="${stroke}" opacity="${opacity}"/>`
        : `<path d="${pathOf(points)}" fill="none" stroke="${stroke}" stroke-width="${width}" opacity="${opacity}"${dash}/>`;
    });
  });
}

function axesOf(plot: uPlot, colours: PictureColours): string[] {
  const [width, height] = [plot.over.clientWidth, plot.over.clientHeight];
  return ["x", "y"].flatMap((scale, which) => {
    const axis = plot.axes[which] as DrawnAxis;
    return (axis._splits ?? []).flatMap((split, index) => {
      if (split === null) return [];
      const at = place(plot.valToPos(split, scale));
      const label = escaped(String(axis._values?.[index] ?? ""));
      if (scale === "x") {
        const under = height + LABEL_GAP + AXIS_PX;
        return [`<text x="${at}" y="${under}" text-anchor="middle" fill="${colours.axis}">${label}</text>`];
      }
      return [
        `<path d="M0 ${at}H${width}" stroke="${colours.grid}"/>`,
        `<text x="${-LABEL_GAP}" y="${at}" dy="0.35em" text-anchor="end" fill="${colours.axis}">${label}</text>`,
      ];
    });
  });
}

/** The text of the drawing: title, axes, lines, and whose they are. */
export function svgOf(drawn: Drawn, title: string, names: readonly NamedLine[]): string {
  const { plot } = drawn;
  const parts = pictureParts(plot.ctx.canvas, names);
  const { colours, places } = parts;
  const [left, top] = [parts.margin + plot.over.offsetLeft, parts.top + plot.over.offsetTop];
  const clip = `<clipPath id="plot"><rect width="${plot.over.clientWidth}" height="${plot.over.clientHeight}"/></clipPath>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${parts.width}" height="${parts.height}" font-family="system-ui, sans-serif">`,
    `<defs>${clip}</defs><rect width="100%" height="100%" fill="${colours.surface}"/>`,
    `<text x="${parts.margin}" y="${parts.margin + parts.titlePx}" font-size="${parts.titlePx}" font-weight="600" fill="${colours.ink}">${escaped(title)}</text>`,
    `<g transform="translate(${left} ${top})" font-size="${AXIS_PX}">`,
    ...axesOf(plot, colours),
    `<g clip-path="url(#plot)">${linesOf(drawn).join("")}</g></g>`,
    ...places.map(({ name, stroke, x, y }) =>
      [
        `<rect x="${x}" y="${y + 2}" width="9" height="9" fill="${escaped(stroke)}"/>`,
        `<text x="${x + 15}" y="${y + 11}" font-size="${parts.namePx}" fill="${colours.names}">${escaped(name)}</text>`,
      ].join(""),
    ),
    "</svg>\n",
  ].join("\n");
}
