/** Writing MLflow's search grammar. */

/** A string as the grammar quotes it. What holds both kinds of quotes can't be written; the double ones are dropped. */
export function quoted(text: string): string {
  return text.includes("'") ? `"${text.replaceAll('"', "")}"` : `'${text}'`;
}

/** A key after `metrics.`, `params.` or `tags.`, quoted when it is not a plain word. */
export function quotedKey(key: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) return key;
  return key.includes("`") ? `"${key.replaceAll('"', "")}"` : `\`${key}\``;
}

/** LIKE's wildcards stay as they are: who types a percent sign means one. */
export const containing = (column: string, text: string) => `${column} ILIKE ${quoted(`%${text}%`)}`;

const LOOKS_LIKE_A_CONDITION = /[=<>!]|\b(?:I?LIKE|IN|IS)\b/i;

/** What a person typed in the filter box: a condition as it stands, plain words as a part of the run's name. */
export function filterOf(typed: string): string {
  const text = typed.trim();
  if (text === "" || LOOKS_LIKE_A_CONDITION.test(text)) return text;
  return containing("attributes.run_name", text);
}
