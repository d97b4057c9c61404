import { describe, expect, it } from "vitest";
import { type ConsolePiece, piecesAmong } from "../api/console.ts";
import { marked, paletteColour, piecesOf } from "./colours.ts";
import { LogLines } from "./lines.ts";
import { LogReader } from "./reader.ts";
import { LINE_PX, scrollTo, sightOf } from "./scroll.ts";
import { LogSearch, patternOf } from "./search.ts";
import { shownStream } from "./streams.ts";
import { plainText, printed, shortened, styleAfter } from "./terminal.ts";

const ESC = "\u001b";
const RED = `${ESC}[31m`;
const OFF = `${ESC}[0m`;

function logOf(...parts: string[]): LogLines {
  const log = new LogLines();
  for (const part of parts) log.add(part);
  return log;
}

const textsOf = (log: LogLines) =>
  Array.from({ length: log.count - log.first }, (_, at) => log.line(log.first + at).text);

describe("a line as a terminal shows it", () => {
  it.each([
    ["as it is", "as it is"],
    [" 10%\r 50%\r100%", "100%"],
    ["abcdef\rxy", "xycdef"],
    ["abc\r", "abc"],
    ["abcdef\rxy\u001b[K", "xy"],
    ["abc\u001b[2K\rx", "x"],
    ["abc\b\bX", "aXc"],
    ["ab\u001b[5Gx", "ab  x"],
    ["a\u001b[3Cb\u001b[1Dc", "a   c"],
    ["\u001b]0;title\u0007text", "text"],
    ["\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\", "link"],
    ["\u001b[?25lhidden cursor\u001b[?25h", "hidden cursor"],
    ["Épochs 😀 1\r😀", "😀pochs 😀 1"],
    ["a\u001b", "a"],
  ])("%j is %j", (raw, shown) => {
    expect(printed(raw)).toBe(shown);
  });

  it("keeps the colour of each letter", () => {
    expect(printed(`${RED}50%${OFF} of\r100`)).toBe(`100 of`);
    expect(printed(`abc\r${RED}x${OFF}`)).toBe(`${RED}x${OFF}bc`);
  });

  it("goes on the same after it was shortened", () => {
    for (const [begin, rest] of [
      ["abcdef\rxy", "z"],
      ["  1%\r  2%\r", "100%"],
      [`${RED}a\rb`, "c"],
      ["abc\b", "X"],
    ] as const) {
      expect(printed(shortened(begin) + rest)).toBe(printed(begin + rest));
    }
    expect(shortened("bar\r".repeat(10_000)).length).toBeLessThan(20);
  });

  it("knows which colours still hold", () => {
    expect(styleAfter("", `a${RED}b`)).toBe(RED);
    expect(styleAfter(RED, `b${OFF}c`)).toBe("");
    expect(styleAfter(RED, `${ESC}[m`)).toBe("");
    expect(styleAfter(RED, `${ESC}[0;1mx`)).toBe(`${ESC}[1m`);
    expect(styleAfter("", `${ESC}[38;5;0mx`)).toBe(`${ESC}[38;5;0m`);
    expect(styleAfter("", `${ESC}[48;2;0;0;0mx`)).toBe(`${ESC}[48;2;0;0;0m`);
    expect(styleAfter("", RED.repeat(1000)).length).toBeLessThan(100);
  });

  it("has a text without commands, to search in", () => {
    expect(plainText(`a${RED}b${OFF}c`)).toBe("abc");
  });
});

describe("the lines of a log", () => {
  it("are found wherever the pieces were cut", () => {
    const text = "one\ntwo\r\nthree\n\nfive";
    for (let at = 0; at <= text.length; at++) {
      const log = logOf(text.slice(0, at), text.slice(at));
      expect(textsOf(log)).toEqual(["one", "two", "three", "", "five"]);
      expect([log.count, log.endedCount]).toEqual([5, 4]);
    }
  });

  it("collapse a bar that grows piece by piece", () => {
    const log = logOf("start\n 1%\r", " 2%\r 3%");
    expect(textsOf(log)).toEqual(["start", " 3%"]);
    log.add("\r100%\ndone\n");
    expect(textsOf(log)).toEqual(["start", "100%", "done"]);
    expect(log.endedCount).toBe(3);
  });

  it("hold little of a bar that never ends its line", () => {
    const log = new LogLines();
    for (let step = 0; step < 2000; step++) log.add(`\r${"#".repeat(60)} ${step}`);
    expect(log.letterCount).toBeLessThan(40_000);
    expect(log.line(0).text).toBe(`${"#".repeat(60)} 1999`);
  });

  it("carry colours over their ends", () => {
    const log = logOf(`a ${RED}b\n`, `c\nd${OFF}\n`, "e\n");
    expect([0, 1, 2, 3].map((line) => log.line(line).style)).toEqual(["", RED, RED, ""]);
  });

  it("merge what comes in small pieces", () => {
    const log = new LogLines();
    for (let line = 0; line < 3000; line++) log.add(`line ${line}\n`);
    expect(log.blocks.length).toBe(1);
    expect(log.line(2321).text).toBe("line 2321");
    for (let line = 3000; line < 12_000; line++) log.add(`line ${line}\n`);
    expect(log.blocks.length).toBeLessThan(5);
    expect([0, 2999, 8000, 11_999].map((line) => log.line(line).text)).toEqual([
      "line 0",
      "line 2999",
      "line 8000",
      "line 11999",
    ]);
  });

  it("let go of the oldest when it is too much, and keep their numbers", () => {
    const log = new LogLines(1_000_000);
    for (let block = 0; block < 40; block++) log.add(`${block} ${"x".repeat(99_000)}\n`.repeat(3));
    expect(log.letterCount).toBeLessThan(1_300_000);
    expect(log.count).toBe(120);
    expect(log.first).toBeGreaterThan(80);
    expect(log.line(119).text.slice(0, 4)).toBe("39 x");
    expect(log.line(0)).toEqual({ text: "", style: "" });
  });

  it("may be none", () => {
    expect(textsOf(logOf())).toEqual([]);
    expect(textsOf(logOf(""))).toEqual([]);
    expect(textsOf(logOf("\n"))).toEqual([""]);
  });
});

describe("a search", () => {
  const found = (log: LogLines, text: string) => {
    const search = new LogSearch(text);
    expect(search.goOn(log)).toBe(true);
    return search.lines;
  };

  it("finds lines whatever the case, each once", () => {
    const log = logOf("Epoch 1 epoch\nloss\nEPOCH 2\n", "last epoch");
    expect(found(log, "epoch")).toEqual([0, 2, 3]);
    expect(found(log, "nothing")).toEqual([]);
    expect(found(logOf("É\nx\n"), "é")).toEqual([0]);
  });

  it("takes nothing of it for a pattern", () => {
    const log = logOf("a.c\nabc\n[x](y)\n");
    expect(found(log, "a.c")).toEqual([0]);
    expect(found(log, "[x](")).toEqual([2]);
  });

  it("sees through colours", () => {
    expect(found(logOf(`plain\n${RED}E${OFF}RROR\nlast\n`), "error")).toEqual([1]);
  });

  it("goes on where it was, and looks again at a line that was not whole", () => {
    const log = logOf("one\nerr");
    const search = new LogSearch("error");
    search.goOn(log);
    expect(search.lines).toEqual([]);
    log.add("or\ntwo\nerror");
    search.goOn(log);
    expect(search.lines).toEqual([1, 3]);
    log.add(" again\n");
    search.goOn(log);
    expect(search.lines).toEqual([1, 3]);
  });

  it("stops when its time is up", () => {
    const log = new LogLines();
    for (let block = 0; block < 5; block++) log.add(`${"x".repeat(300_000)}\n`);
    const search = new LogSearch("x");
    expect(search.goOn(log, () => true)).toBe(false);
    expect(search.lines).toEqual([0]);
    let calls = 0;
    while (!search.goOn(log, () => true)) calls += 1;
    expect([search.lines, calls]).toEqual([[0, 1, 2, 3, 4], 3]);
  });
});

describe("the looks of a line", () => {
  it("are the style sheet's names", () => {
    expect(piecesOf(`a ${RED}b${ESC}[1m c${OFF} d`, "")).toEqual([
      { text: "a ", look: "" },
      { text: "b", look: "ansi-red-fg" },
      { text: " c", look: "ansi-red-fg ansi-bold" },
      { text: " d", look: "" },
    ]);
    expect(piecesOf("plain", "")).toEqual([{ text: "plain", look: "" }]);
    expect(piecesOf("", "")).toEqual([]);
  });

  it("begin with what held before", () => {
    expect(piecesOf("on", RED)).toEqual([{ text: "on", look: "ansi-red-fg" }]);
  });

  it("may be any colour", () => {
    expect(piecesOf(`${ESC}[38;5;208mx${ESC}[48;2;1;2;3my`, "")).toEqual([
      { text: "x", look: "", colour: "rgb(255, 135, 0)" },
      { text: "y", look: "on-colour", colour: "rgb(255, 135, 0)", background: "rgb(1, 2, 3)" },
    ]);
    expect(piecesOf(`${ESC}[38:5:232mx`, "")[0]?.colour).toBe("rgb(8, 8, 8)");
    expect(paletteColour(16)).toBe("rgb(0, 0, 0)");
    expect(paletteColour(255)).toBe("rgb(238, 238, 238)");
  });

  it("can be read on any ground", () => {
    expect(piecesOf(`${ESC}[48;2;1;2;3mx${ESC}[48;2;250;250;250my`, "").map(({ colour }) => colour)).toEqual([
      "#fff",
      "#000",
    ]);
    expect(piecesOf(`${ESC}[41;97mx`, "")[0]?.look).toBe("on-colour ansi-bright-white-fg ansi-red-bg");
  });

  it("leave what a script prints a text", () => {
    const hostile = "<img src=x onerror=alert(1)>";
    expect(piecesOf(`${RED}${hostile}`, "")).toEqual([{ text: hostile, look: "ansi-red-fg" }]);
  });

  it("are cut where a search has found something", () => {
    const pieces = piecesOf(`an er${RED}ror, and an ERROR`, "");
    const cut = marked(pieces, patternOf("error"));
    expect(cut.map(({ text }) => text).join("")).toBe("an error, and an ERROR");
    expect(cut.filter((one) => one.isFound).map(({ text }) => text)).toEqual(["er", "ror", "ERROR"]);
    expect(marked(pieces, patternOf("none"))).toBe(pieces);
  });
});

describe("reading a stream", () => {
  const piece = (
    number: number,
    byteCount: number,
    stream: "stdout" | "stderr" = "stdout",
  ): ConsolePiece => ({
    attempt: 1,
    stream,
    number,
    path: `console/${stream}.${String(number).padStart(6, "0")}.log`,
    byteCount,
  });
  const files = new Map<string, Uint8Array>();
  const asked: [string, number][] = [];
  const read = async (path: string, from: number) => {
    asked.push([path, from]);
    return (files.get(path) ?? new Uint8Array()).slice(from);
  };
  const put = (number: number, text: string | Uint8Array) => {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    files.set(piece(number, 0).path, bytes);
    return piece(number, bytes.length);
  };
  const never = new AbortController().signal;

  it("asks for what is new alone, and puts letters together that two pieces share", async () => {
    const reader = new LogReader(read);
    const letters = new TextEncoder().encode("é\n");
    let news = 0;
    const onNews = () => {
      news += 1;
    };
    await reader.follow([put(1, "one\n"), put(2, letters.slice(0, 1))], never, onNews);
    await reader.follow([put(1, "one\n"), put(2, letters)], never, onNews);
    await reader.follow([put(1, "one\n"), put(2, letters)], never, onNews);
    expect(textsOf(reader.lines)).toEqual(["one", "é"]);
    expect(asked).toEqual([
      ["console/stdout.000001.log", 0],
      ["console/stdout.000002.log", 0],
      ["console/stdout.000002.log", 1],
    ]);
    expect([news, reader.readBytes]).toEqual([3, 7]);
  });

  it("begins near the end of what is too much", async () => {
    const reader = new LogReader(read, 10);
    await reader.follow([put(1, "12345678\n"), put(2, "abcdef\n"), put(3, "g\n")], never, () => undefined);
    expect(textsOf(reader.lines)).toEqual(["abcdef", "g"]);
    expect(reader.skippedBytes).toBe(9);
  });

  it("stops when nobody looks any more", async () => {
    const reader = new LogReader(read);
    const control = new AbortController();
    await reader.follow([put(1, "one\n"), put(2, "two\n")], control.signal, () => control.abort());
    expect(textsOf(reader.lines)).toEqual(["one"]);
  });

  it("knows the pieces by their names, in their order", () => {
    const paths = [
      "console/stdout.000010.log",
      "console/attempt-2/stdout.000001.log",
      "console/stdout.000002.log",
      "console/setup.000001.log",
      "console/notes.txt",
      "console/attempt-2",
    ];
    const entries = paths.map((path) => ({ path, isFolder: !path.includes("."), byteCount: 1 }));
    expect(piecesAmong(entries).map(({ path }) => path)).toEqual([
      "console/setup.000001.log",
      "console/stdout.000002.log",
      "console/stdout.000010.log",
      "console/attempt-2/stdout.000001.log",
    ]);
  });
});

describe("the lines in sight", () => {
  it("are a few around where it is scrolled to", () => {
    expect(sightOf(1000, 180, 0)).toEqual({ heightPx: 18_000, from: 0, to: 16, shiftPx: 0 });
    expect(sightOf(1000, 180, 909)).toEqual({ heightPx: 18_000, from: 44, to: 67, shiftPx: 117 });
    expect(sightOf(1000, 180, 18_000 - 180)).toMatchObject({ to: 1000 });
    expect(sightOf(3, 180, 0)).toEqual({ heightPx: 180, from: 0, to: 3, shiftPx: 0 });
    expect(sightOf(0, 180, 50)).toMatchObject({ heightPx: 180, from: 0, to: 0 });
  });

  it.each([1_000_000, 5_000_000])("reach the end of %i lines in a box that browsers can draw", (count) => {
    const { heightPx } = sightOf(count, 600, 0);
    expect(heightPx).toBeLessThan(16_000_000);
    const end = sightOf(count, 600, heightPx - 600);
    expect([end.to, end.to - end.from < 60]).toEqual([count, true]);
  });

  it.each([0, 1, 499_999, 777_777, 999_999])("hold line %i when it was gone to", (line) => {
    const { from, to, shiftPx } = sightOf(1_000_000, 600, scrollTo(line, 1_000_000, 600));
    expect(from <= line && line < to).toBe(true);
    const topPx = (line - from) * LINE_PX - shiftPx;
    expect(topPx).toBeGreaterThanOrEqual(-1);
    expect(topPx).toBeLessThanOrEqual(600 - LINE_PX + 1);
  });
});

describe("the stream that is shown first", () => {
  const piece = (stream: ConsolePiece["stream"], byteCount: number) => ({
    attempt: 1,
    stream,
    number: 1,
    path: "",
    byteCount,
  });
  const both = [piece("setup", 5), piece("stdout", 5), piece("stderr", 5)];

  it.each([
    ["what was asked for", both, "setup", true, "setup"],
    ["the output", both, null, false, "stdout"],
    ["why it failed", both, null, true, "stderr"],
    ["what there is", [piece("setup", 5), piece("stdout", 0)], null, true, "setup"],
    ["the output, when nothing is there", [], "nonsense", false, "stdout"],
  ] as const)("is %s", (_, pieces, asked, hasFailed, shown) => {
    expect(shownStream([...pieces], asked, hasFailed)).toBe(shown);
  });
});
