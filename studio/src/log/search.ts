/** Which lines of a log hold a text, whatever the case of its letters. Pure. */
import type { Block, LogLines } from "./lines.ts";
import { hasStyles, plainText } from "./terminal.ts";

export const patternOf = (text: string) => new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "giu");

export class LogSearch {
  /** The numbers of the lines that hold it, in order. */
  lines: number[] = [];
  #next = 0;
  #isLastOpen = false;
  readonly #pattern: RegExp;

  constructor(text: string) {
    this.#pattern = patternOf(text);
  }

  /** Look through what was not looked through yet, until the time is up; answer whether that was all. */
  goOn(log: LogLines, isTimeUp: () => boolean = () => false): boolean {
    if (this.#isLastOpen) {
      this.lines.pop();
      this.#isLastOpen = false;
    }
    while (this.#next < log.endedCount) {
      this.#next = Math.max(this.#next, log.first);
      const block = log.blockAt(this.#next);
      if (!block) break;
      this.#searchBlock(block, this.#next - block.first);
      this.#next = block.first + block.starts.length;
      if (isTimeUp() && this.#next < log.endedCount) return false;
    }
    if (log.count > log.endedCount && this.#holds(log.line(log.endedCount).text)) {
      this.lines.push(log.endedCount);
      this.#isLastOpen = true;
    }
    return true;
  }

  #holds(text: string): boolean {
    this.#pattern.lastIndex = 0;
    return this.#pattern.test(plainText(text));
  }

  #searchBlock(block: Block, from: number): void {
    const { text, starts, first } = block;
    if (hasStyles(text)) {
      const lines = plainText(text).split("\n");
      for (let at = from; at < starts.length; at++)
        if (this.#holds(lines[at] ?? "")) this.lines.push(first + at);
      return;
    }
    this.#pattern.lastIndex = starts[from] ?? 0;
    let at = from;
    for (let found = this.#pattern.exec(text); found; found = this.#pattern.exec(text)) {
      while ((starts[at + 1] ?? text.length) <= found.index) at += 1;
      this.lines.push(first + at);
      // One hit a line is enough.
      at += 1;
      if (at >= starts.length) return;
      this.#pattern.lastIndex = starts[at] ?? text.length;
    }
  }
}
