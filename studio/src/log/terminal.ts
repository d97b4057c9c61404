/** What a terminal makes of a line: where a carriage return or a backspace goes back, what comes later overwrites. Pure. */

const ESC = "\u001b";
/** Colours and the like: what is left in a line, for whoever draws it. */
const STYLE = new RegExp(`${ESC}\\[([0-9;:]*)m`, "g");
/** Everything else that a terminal takes for a command and not for text. */
const COMMAND = new RegExp(
  `${ESC}(?:\\[([0-9;?:]*)[ -/]*([@-~])|\\][^\u0007${ESC}]*(?:\u0007|${ESC}\\\\)?|[ -/]*[0-~])`,
  "y",
);
const PLAIN_COMMAND = new RegExp(COMMAND.source, "g");
/** What makes a line more than the text that stands in it. */
const MOVES = new RegExp(`[\r\b]|${ESC}(?!\\[[0-9;:]*m)`);
const STYLES_KEPT = 8;

export const hasStyles = (text: string) => text.includes(ESC);
export const isMoved = (text: string) => MOVES.test(text);

/** The text without any commands. */
export const plainText = (text: string) => (hasStyles(text) ? text.replace(PLAIN_COMMAND, "") : text);

/** The commands for colours that still hold behind a text, if those in `style` held before it. */
export function styleAfter(style: string, text: string): string {
  if (!text.includes(ESC)) return style;
  let held = style
    .split(ESC)
    .filter(Boolean)
    .map((one) => ESC + one);
  for (const [command, numbers] of text.matchAll(STYLE)) {
    // 0 puts all back, wherever it stands; what follows it in the same command holds.
    const after = (numbers ?? "").split(";");
    const reset = after.findLastIndex(
      (one, at) => (one === "" || Number(one) === 0) && !isPartOfColour(after, at),
    );
    if (reset < 0) held.push(command);
    else held = reset === after.length - 1 ? [] : [`${ESC}[${after.slice(reset + 1).join(";")}m`];
  }
  return held.slice(-STYLES_KEPT).join("");
}

/** Whether a number belongs to `38;5;0` or `38;2;0;0;0`, where 0 is a colour. */
function isPartOfColour(numbers: string[], at: number): boolean {
  for (const [kind, length] of [
    ["5", 2],
    ["2", 4],
  ] as const) {
    for (let back = 2; back <= length; back++) {
      const start = numbers[at - back];
      if ((start === "38" || start === "48") && numbers[at - back + 1] === kind) return true;
    }
  }
  return false;
}

class Line {
  #letters: string[] = [];
  #styles: string[] = [];
  #column = 0;
  #style = "";

  write(text: string): void {
    for (let at = 0; at < text.length; ) {
      const letter = String.fromCodePoint(text.codePointAt(at) ?? 0);
      if (letter === ESC) {
        COMMAND.lastIndex = at;
        const found = COMMAND.exec(text);
        if (found) {
          this.#obey(found[0], found[1] ?? "", found[2] ?? "");
          at += found[0].length;
          continue;
        }
      }
      at += letter.length;
      if (letter === "\r") this.#column = 0;
      else if (letter === "\b") this.#column = Math.max(0, this.#column - 1);
      else if (letter !== ESC) this.#put(letter);
    }
  }

  #put(letter: string): void {
    while (this.#letters.length < this.#column) {
      this.#letters.push(" ");
      this.#styles.push("");
    }
    this.#letters[this.#column] = letter;
    this.#styles[this.#column] = this.#style;
    this.#column += 1;
  }

  #obey(command: string, numbers: string, name: string): void {
    const count = Math.min(Number.parseInt(numbers, 10) || 0, 10_000);
    if (name === "m") this.#style = styleAfter(this.#style, command);
    else if (name === "K") this.#erase(count);
    else if (name === "G") this.#column = Math.max(1, count) - 1;
    else if (name === "C") this.#column += Math.max(1, count);
    else if (name === "D") this.#column = Math.max(0, this.#column - Math.max(1, count));
  }

  #erase(which: number): void {
    if (which === 0) this.#cut(this.#column);
    else if (which === 2) this.#cut(0);
    else
      for (let at = 0; at < Math.min(this.#column + 1, this.#letters.length); at++) this.#letters[at] = " ";
  }

  #cut(length: number): void {
    this.#letters.length = Math.min(this.#letters.length, length);
    this.#styles.length = this.#letters.length;
  }

  get text(): string {
    let text = "";
    let style = "";
    for (const [at, letter] of this.#letters.entries()) {
      const wanted = this.#styles[at] ?? "";
      if (wanted !== style) {
        text += (style ? `${ESC}[0m` : "") + wanted;
        style = wanted;
      }
      text += letter;
    }
    return style ? `${text}${ESC}[0m` : text;
  }

  /** The same line in fewer letters, which can be written on. */
  get resumed(): string {
    return `${this.text}${this.#style}${ESC}[${this.#column + 1}G`;
  }
}

/** A line as it stands on a terminal when all of it was printed: text, and colours. */
export function printed(text: string): string {
  if (!isMoved(text)) return text;
  const line = new Line();
  line.write(text);
  return line.text;
}

/** What can stand for the beginning of a line that is not whole yet: it looks the same, and goes on the same. */
export function shortened(text: string): string {
  if (!isMoved(text)) return text;
  const line = new Line();
  line.write(text);
  return line.resumed;
}
