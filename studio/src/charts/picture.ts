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

export interface PictureColours {
  surface: string;
  ink: string;
  names: string;
  axis: string;
  grid: string;
}

/** Where everything of a picture stands around the canvas, and in which colours of the page. */
export function pictureParts(canvas: HTMLCanvasElement, all: readonly NamedLine[]) {
  const style = window.getComputedStyle(document.documentElement);
  const word = (name: string) => style.getPropertyValue(name).trim();
  const font = (px: number, weight = 400) => `${weight} ${px}px ${word("--font")}`;
  const width = canvas.clientWidth + 2 * MARGIN;
  const lines = all.slice(0, NAMED);
  if (all.length > NAMED) lines.push({ name: `and ${all.length - NAMED} more`, stroke: "transparent" });
  const ruler = document.createElement("canvas").getContext("2d");
  if (ruler) ruler.font = font(NAME_PX);
  const widthOf = (name: string) => ruler?.measureText(name).width ?? name.length * NAME_PX;
  const placed = legendPlaces(lines, width - 2 * MARGIN, widthOf);
  const top = MARGIN + TITLE_PX + 8;
  const below = top + canvas.clientHeight + 8;
  return {
    font,
    width,
    height: below + ((placed.at(-1)?.row ?? -1) + 1) * ROW + MARGIN,
    margin: MARGIN,
    top,
    titlePx: TITLE_PX,
    namePx: NAME_PX,
    places: placed.map(({ name, stroke, left, row }) => ({
      name,
      stroke,
      x: MARGIN + left,
      y: below + row * ROW,
    })),
    colours: {
      surface: word("--surface"),
      ink: word("--ink"),
      names: word("--ink-2"),
      axis: word("--ink-3"),
      grid: word("--grid"),
    } satisfies PictureColours,
  };
}

/** Draw all of it on the page's own background, since a canvas has none, and hand it to the person. */
export function downloadPicture(canvas: HTMLCanvasElement, title: string, all: readonly NamedLine[]): void {
  const picture = document.createElement("canvas");
  const context = picture.getContext("2d");
  if (!context) return;
  const ratio = canvas.width / Math.max(1, canvas.clientWidth);
  const { font, width, height, top, places, colours } = pictureParts(canvas, all);
  picture.width = Math.round(width * ratio);
  picture.height = Math.round(height * ratio);
  context.scale(ratio, ratio);
  context.fillStyle = colours.surface;
  context.fillRect(0, 0, width, height);
  context.drawImage(canvas, MARGIN, top, canvas.clientWidth, canvas.clientHeight);
  context.textBaseline = "top";
  context.fillStyle = colours.ink;
  context.font = font(TITLE_PX, 600);
  context.fillText(title, MARGIN, MARGIN, width - 2 * MARGIN);
  context.font = font(NAME_PX);
  for (const { name, stroke, x, y } of places) {
    context.fillStyle = stroke;
    context.fillRect(x, y + 2, DOT, DOT);
    context.fillStyle = colours.names;
    context.fillText(name, x + DOT + 6, y, width - 2 * MARGIN - DOT - 6);
  }
  picture.toBlob((blob) => {
    if (blob) download(blob, `${title}.png`);
  });
}
