/** The lines of a log, however many: the text in blocks, and where lines begin in them. Pure. */
import { hasStyles, isMoved, printed, shortened, styleAfter } from "./terminal.ts";

/** The oldest lines are let go beyond this: a tab must not grow for as long as a job prints. */
export const MOST_LETTERS = 160_000_000;
const MERGED_LETTERS = 64 * 1024;
const SHORTENED_FROM = 16 * 1024;

export interface Block {
  /** The number of its first line, from 0. */
  first: number;
  /** Lines, each with its end. */
  text: string;
  /** Where each one begins. */
  starts: Uint32Array;
  /** The colours that hold where a line begins, by the line's place in the block; only where there are any. */
  styles: ReadonlyMap<number, string> | null;
}

export class LogLines {
  /** The first line that is still kept. */
  first = 0;
  blocks: Block[] = [];
  #rest = "";
  #style = "";
  #ended = 0;
  #letters = 0;
  readonly #most: number;

  constructor(most = MOST_LETTERS) {
    this.#most = most;
  }

  /** How many lines are whole. */
  get endedCount(): number {
    return this.#ended;
  }

  /** How many lines there are, the one at the end that goes on included. */
  get count(): number {
    return this.#ended + (this.#rest ? 1 : 0);
  }

  get letterCount(): number {
    return this.#letters + this.#rest.length;
  }

  /** Take the next piece of what was printed. */
  add(text: string): void {
    const all = this.#rest + text;
    const end = all.lastIndexOf("\n") + 1;
    this.#rest = all.slice(end);
    if (this.#rest.length > SHORTENED_FROM) this.#rest = shortened(this.#rest);
    if (end === 0) return;
    this.#append(all.slice(0, end));
    while (this.#letters > this.#most && this.blocks.length > 1) {
      const gone = this.blocks.shift();
      this.first = this.blocks[0]?.first ?? this.#ended;
      this.#letters -= gone?.text.length ?? 0;
    }
  }

  #append(raw: string): void {
    const ends = raw.includes("\r\n") ? raw.replace(/\r+\n/g, "\n") : raw;
    const text = isMoved(ends) ? ends.slice(0, -1).split("\n").map(printed).join("\n").concat("\n") : ends;
    const last = this.blocks.at(-1);
    const isMerged = last !== undefined && last.text.length + text.length <= MERGED_LETTERS;
    const block = blockOf(
      isMerged ? last.first : this.#ended,
      isMerged ? last.text + text : text,
      isMerged ? (last.styles?.get(0) ?? "") : this.#style,
    );
    if (isMerged) this.blocks[this.blocks.length - 1] = block;
    else this.blocks.push(block);
    this.#style = styleAfter(this.#style, ends);
    this.#letters += text.length;
    this.#ended = block.first + block.starts.length;
  }

  blockAt(line: number): Block | undefined {
    let low = 0;
    let high = this.blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.blocks[middle]?.first ?? 0) <= line) low = middle;
      else high = middle - 1;
    }
    const found = this.blocks[low];
    return found && line >= found.first && line < found.first + found.starts.length ? found : undefined;
  }

  /** A line without its end, and the colours that hold where it begins. */
  line(number: number): { text: string; style: string } {
    if (number === this.#ended) return { text: printed(this.#rest), style: this.#style };
    const block = this.blockAt(number);
    if (!block) return { text: "", style: "" };
    const at = number - block.first;
    const end = block.starts[at + 1] ?? block.text.length;
    return { text: block.text.slice(block.starts[at], end - 1), style: block.styles?.get(at) ?? "" };
  }
}

function blockOf(first: number, text: string, style: string): Block {
  const starts: number[] = [];
  for (let at = 0; at < text.length; at = text.indexOf("\n", at) + 1) starts.push(at);
  return { first, text, starts: Uint32Array.from(starts), styles: stylesOf(text, starts, style) };
}

function stylesOf(text: string, starts: number[], style: string): Map<number, string> | null {
  if (!style && !hasStyles(text)) return null;
  const found = new Map<number, string>();
  let held = style;
  for (const [at, start] of starts.entries()) {
    if (held) found.set(at, held);
    held = styleAfter(held, text.slice(start, starts[at + 1] ?? text.length));
  }
  return found.size > 0 ? found : null;
}
