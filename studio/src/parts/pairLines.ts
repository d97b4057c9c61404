/** Names and values as people write them in a field, one pair a line. Pure. */

/** What a field with such lines says below it. */
export const PAIRS_HINT = "One a line, as team=vision.";

/** Read the lines; `word` is what one of them is called. */
export function pairsFrom(text: string, word = "tag"): Record<string, string> {
  return Object.fromEntries(
    linesFrom(text).map((line) => {
      const at = line.indexOf("=");
      if (at < 1) throw new Error(`Write a ${word} as key=value, not “${line}”.`);
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}

export const pairsText = (pairs: Record<string, string>) =>
  Object.entries(pairs)
    .map(([key, value]) => `${key}=${value}`)
    .join("\n");

/** Read lines that began as `initial`: untouched, they are that, even where a value has several lines. */
export function editedPairs(
  text: string,
  initial: Record<string, string> = {},
  word = "tag",
): Record<string, string> {
  return text === pairsText(initial).trim() ? initial : pairsFrom(text, word);
}

/** The lines of a text that say something. */
export const linesFrom = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
