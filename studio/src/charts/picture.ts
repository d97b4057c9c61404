/** A panel as it goes into a report: its title, its lines, and whose they are. */
import { download } from "./download.ts";

const MARGIN = 14;
const TITLE_PX = 15;
const NAME_PX = 12;
const ROW = 20;
const DOT = 9;
const GAP = 18;
/** More names than that are a list of their own, not a legend. */
const NAMED = 40;

export interface NamedLine {
  name: string;
  stroke: string;
}

interface Placed extends NamedLine {
  left: number;
  row: number;
}

/** Where each name of a legend stands: from left to right, in as many rows as it takes. */
export function legendPlaces(
  lines: readonly NamedLine[],
  room: number,
  widthOf: (name: string) => number,
): Placed[] {
  let [left, row] = [0, 0];
  return lines.map((line) => {
    const width = DOT + 6 + widthOf(line.name);
    if (left > 0 && left + width > room) [left, row] = [0, row + 1];
    const place = { ...line, left, row };
    left += width + GAP;
    return place;
  });
}

/** Draw all of it on the page's own background, since a canvas has none, and hand it to the person. */
export function downloadPicture(canvas: HTMLCanvasElement, title: string, all: readonly NamedLine[]): void {
  const style = window.getComputedStyle(document.documentElement);
  const picture = document.createElement("canvas");
  const context = picture.getContext("2d");
  if (!context) return;
  const ratio = canvas.width / Math.max(1, canvas.clientWidth);
  const font = (px: number, weight = 400) => `${weight} ${px}px ${style.getPropertyValue("--font")}`;
  const width = canvas.clientWidth + 2 * MARGIN;
  const lines = all.slice(0, NAMED);
  if (all.length > NAMED) lines.push({ name: `and ${all.length - NAMED} more`, stroke: "transparent" });
  context.font = font(NAME_PX);
  const places = legendPlaces(lines, width - 2 * MARGIN, (name) => context.measureText(name).width);
  const top = MARGIN + TITLE_PX + 8;
  const below = top + canvas.clientHeight + 8;
  const height = below + ((places.at(-1)?.row ?? -1) + 1) * ROW + MARGIN;

  // Another size of a canvas sets everything else of it back.
  picture.width = Math.round(width * ratio);
  picture.height = Math.round(height * ratio);
  context.scale(ratio, ratio);
  context.fillStyle = style.getPropertyValue("--surface");
  context.fillRect(0, 0, width, height);
  context.drawImage(canvas, MARGIN, top, canvas.clientWidth, canvas.clientHeight);
  context.textBaseline = "top";
  context.fillStyle = style.getPropertyValue("--ink");
  context.font = font(TITLE_PX, 600);
  context.fillText(title, MARGIN, MARGIN, width - 2 * MARGIN);
  context.font = font(NAME_PX);
  for (const { name, stroke, left, row } of places) {
    context.fillStyle = stroke;
    context.fillRect(MARGIN + left, below + row * ROW + 2, DOT, DOT);
    context.fillStyle = style.getPropertyValue("--ink-2");
    context.fillText(name, MARGIN + left + DOT + 6, below + row * ROW, width - 2 * MARGIN - DOT - 6);
  }
  picture.toBlob((blob) => {
    if (blob) download(blob, `${title}.png`);
  });
}
