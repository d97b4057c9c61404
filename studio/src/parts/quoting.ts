/** Texts as other languages write them, for lines to copy. Pure. */

const INNER = /[^A-Za-z0-9_@%+=:,./-]/;

/** A word as a shell takes it. */
export const shellWord = (word: string) =>
  word === "" || INNER.test(word) ? `'${word.replaceAll("'", `'"'"'`)}'` : word;

/** A string as Python writes it; JSON's quoting is good for that. */
export const pythonText = (text: string) => JSON.stringify(text);
