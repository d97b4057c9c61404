/** What people write of a search: where values come from, and which trials are ended early. Pure. */
import type { NewDistribution } from "../api/submission.ts";
import type { ParameterValue, Stopping } from "../api/sweeps.ts";
import { numberOf, textOf } from "../parts/fields.tsx";
import { linesFrom, pairsFrom } from "../parts/pairLines.ts";

/** Read one value: a truth, a number, a text in quotes, or else what is written. */
function parameterValue(text: string): ParameterValue {
  if (text === "true" || text === "false") return text === "true";
  if (/^".*"$/.test(text)) {
    try {
      return String(JSON.parse(text));
    } catch {
      return text.slice(1, -1);
    }
  }
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Values with commas between them; those in quotes may have commas of their own. */
function valuesFrom(name: string, text: string): ParameterValue[] {
  const parts = text.match(/(?:"(?:[^"\\]|\\.)*"|[^,])+|,(?=\s*(?:,|$))|^(?=\s*(?:,|$))/g) ?? [];
  return parts.map((part) => {
    const said = part.trim();
    if (said === "" || said === ",") throw new Error(`${name} has a value that is empty; write "" for one.`);
    return parameterValue(said);
  });
}

const PLAIN = /^[A-Za-z_](?:[\w./+:@ -]*[\w./+:@-])?$/;

const valueText = (value: ParameterValue): string =>
  typeof value !== "string" || (PLAIN.test(value) && parameterValue(value) === value && !value.includes(".."))
    ? String(value)
    : JSON.stringify(value);

const WORDS = /((?:\s+(?:log|whole|step\s+\S+))*)$/.source;
const RANGE = new RegExp(`^(\\S+)\\s*\\.\\.\\s*(\\S+?)${WORDS}`);
const CALL = new RegExp(`^(\\w+)\\(([^()]*)\\)${WORDS}`);

/** What others call them; the logarithm's bounds of a loguniform differ between libraries, so it is none. */
const CALLS: Record<string, { kind: NewDistribution["kind"]; takes: string[]; isLog?: boolean }> = {
  uniform: { kind: "uniform", takes: ["low", "high"] },
  quniform: { kind: "uniform", takes: ["low", "high", "step"] },
  normal: { kind: "normal", takes: ["mean", "deviation"] },
  qnormal: { kind: "normal", takes: ["mean", "deviation", "step"] },
  lognormal: { kind: "normal", takes: ["mean", "deviation"], isLog: true },
  qlognormal: { kind: "normal", takes: ["mean", "deviation", "step"], isLog: true },
};

function numbersFrom(name: string, text: string, words: readonly string[]): number[] {
  const numbers = words.map((word) => (word.trim() === "" ? Number.NaN : Number(word)));
  if (!numbers.every(Number.isFinite)) {
    throw new Error(
      `What ${name} is drawn from is said in numbers, as 0.001..0.1 or normal(0, 1), not “${text}”.`,
    );
  }
  return numbers;
}

function wordsOf(name: string, text: string, words: string): Pick<NewDistribution, "is_log" | "step"> {
  const said = /step\s+(\S+)/.exec(words)?.[1];
  const [step] = said === undefined ? [0] : numbersFrom(name, text, [said]);
  return { ...(/\blog\b/.test(words) && { is_log: true }), ...(step && { step }) };
}

function calledFrom(name: string, text: string, call: RegExpExecArray): NewDistribution {
  const [, called = "", given = "", words = ""] = call;
  const form = CALLS[called];
  if (!form) {
    const known = Object.keys(CALLS).join(", ");
    throw new Error(
      `${name} can be drawn from ${known}, 0.0001..0.1 log or 1..9 whole, not from ${called}; a text is written in quotes.`,
    );
  }
  const parts = given.split(",");
  if (parts.length !== form.takes.length) {
    throw new Error(`Write ${called}(${form.takes.join(", ")}) for ${name}, not “${text}”.`);
  }
  const numbers = numbersFrom(name, text, parts);
  return {
    kind: form.kind,
    ...Object.fromEntries(form.takes.map((one, at) => [one, numbers[at]])),
    ...(form.isLog && { is_log: true }),
    ...wordsOf(name, text, words),
  };
}

/** `0.001..0.1 log`, `1..10 whole`, `0..1 step 0.05`, `normal(0, 1)`, or values with commas between them. */
export function distributionFrom(name: string, text: string): NewDistribution {
  const call = CALL.exec(text);
  if (call) return calledFrom(name, text, call);
  const range = text.startsWith('"') ? null : RANGE.exec(text);
  if (!range) return { kind: "choice", values: valuesFrom(name, text) };
  const words = range[3] ?? "";
  const [low = 0, high = 0] = numbersFrom(name, text, [range[1] ?? "", range[2] ?? ""]);
  const kind = /\bwhole\b/.test(words) ? "integer" : "uniform";
  return { kind, low, high, ...wordsOf(name, text, words) };
}

/** The same written down, so that it is read as what it was. */
export function distributionLine({ kind, values = [], ...from }: NewDistribution): string {
  if (kind === "choice") return values.map(valueText).join(", ");
  const step = from.step ? ` step ${from.step}` : "";
  if (kind === "normal") return `${from.is_log ? "log" : ""}normal(${from.mean}, ${from.deviation})${step}`;
  return `${from.low}..${from.high}${kind === "integer" ? " whole" : ""}${from.is_log ? " log" : ""}${step}`;
}

/** The parameters of a search, one a line. */
export function parametersFrom(text: string): Record<string, NewDistribution> {
  if (linesFrom(text).length === 0) throw new Error("Name a parameter that is searched for.");
  return Object.fromEntries(
    Object.entries(pairsFrom(text, "parameter")).map(([name, said]) => [name, distributionFrom(name, said)]),
  );
}

export const parametersText = (parameters: Record<string, NewDistribution>) =>
  Object.entries(parameters)
    .map(([name, from]) => `${name}=${distributionLine(from)}`)
    .join("\n");

export const NEVER = "";

/** Which trials are ended early, or null for none. */
export function stoppingOf(form: FormData): Stopping | null {
  const kind = textOf(form, "stopping");
  if (kind === NEVER) return null;
  const number = (name: keyof Stopping, otherwise = 0) => numberOf(form, `stopping.${name}`) ?? otherwise;
  return {
    kind: kind as Stopping["kind"],
    every: number("every", 1),
    delay: number("delay"),
    slack_factor: number("slack_factor"),
    slack_amount: number("slack_amount"),
    percentage: number("percentage"),
  };
}
