/** A line of a log in pieces of one look each. Pure. */
import Anser from "anser";
import { hasStyles } from "./terminal.ts";

export interface Piece {
  text: string;
  /** Names of the style sheet. */
  look: string;
  /** A colour that has no name there: one of the 256, or any. */
  colour?: string | undefined;
  background?: string;
  isFound?: boolean;
}

const STEPS = [0, 95, 135, 175, 215, 255];

/** The colours from 16 to 255 of a terminal: a cube, and greys. */
export function paletteColour(number: number): string {
  if (number >= 232) {
    const grey = 8 + (number - 232) * 10;
    return `rgb(${grey}, ${grey}, ${grey})`;
  }
  const at = number - 16;
  return `rgb(${STEPS[Math.floor(at / 36)]}, ${STEPS[Math.floor(at / 6) % 6]}, ${STEPS[at % 6]})`;
}

/** Black or white, whichever can be read on a colour that somebody chose without a thought of this page. */
function readableOn(colour: string): string {
  const [red = 0, green = 0, blue = 0] = (colour.match(/\d+/g) ?? []).map(Number);
  return red * 0.299 + green * 0.587 + blue * 0.114 > 140 ? "#000" : "#fff";
}

function colourOf(name: string | null, trueColour: string | null): { look?: string; colour?: string } {
  if (!name) return {};
  if (name === "ansi-truecolor") return { colour: `rgb(${trueColour})` };
  const palette = /^ansi-palette-(\d+)$/.exec(name);
  return palette ? { colour: paletteColour(Number(palette[1])) } : { look: name };
}

/** Read the commands for colours in a line, with those that held before it. */
export function piecesOf(text: string, style: string): Piece[] {
  if (!style && !hasStyles(text)) return text ? [{ text, look: "" }] : [];
  // Some programs write colons between the numbers, which mean the same.
  const plain = (style + text).replace(/\[[\d;:]*m/g, (command) => command.replaceAll(":", ";"));
  return Anser.ansiToJson(plain, { json: true, remove_empty: true, use_classes: true }).map((entry) => {
    const front = colourOf(entry.fg, entry.fg_truecolor);
    const back = colourOf(entry.bg, entry.bg_truecolor);
    const isOnColour = Boolean(back.look || back.colour);
    const looks = [
      isOnColour && "on-colour",
      front.look && `${front.look}-fg`,
      back.look && `${back.look}-bg`,
      ...entry.decorations.map((one) => `ansi-${one}`),
    ];
    return {
      text: entry.content,
      look: looks.filter(Boolean).join(" "),
      ...(front.colour || back.colour
        ? { colour: front.colour ?? (front.look ? undefined : readableOn(back.colour ?? "")) }
        : {}),
      ...(back.colour ? { background: back.colour } : {}),
    };
  });
}

/** Cut the pieces where a search has found something, and mark what it found. */
export function marked(pieces: Piece[], pattern: RegExp | null): Piece[] {
  if (!pattern) return pieces;
  const found = [
    ...pieces
      .map((piece) => piece.text)
      .join("")
      .matchAll(pattern),
  ];
  if (found.length === 0) return pieces;
  const cuts = found.flatMap((one) => [one.index, one.index + one[0].length]);
  let at = 0;
  let cut = 0;
  return pieces.flatMap((piece) => {
    const parts: Piece[] = [];
    const end = at + piece.text.length;
    for (let from = at; from < end; ) {
      while ((cuts[cut] ?? end) <= from) {
        if (cut >= cuts.length) break;
        cut += 1;
      }
      const to = Math.min(cuts[cut] ?? end, end);
      const part = { ...piece, text: piece.text.slice(from - at, to - at) };
      parts.push(cut % 2 === 1 ? { ...part, isFound: true } : part);
      from = to;
    }
    at = end;
    return parts;
  });
}
