/** Which field of a form a server's refusal is about, by its words. Pure. */

const INVALID = /parameter '([^']+)' supplied(?:: *(?:Hint: Value was of type '\w+'\. )?(.*))?/s;
const MISSING = /^Missing value for required parameter '([^']+)'/;
const NAMED = /^'([\w.]+)' /;
const POINTER_TO_DOCS = / See the API docs for more information about request parameters\.$/;

const PATTERN = /^Expected `str` matching regex '(.*)'\.?$/s;

/** What the server's reader of messages says, for a person. */
function plain(why: string): string {
  const pattern = PATTERN.exec(why)?.[1];
  return pattern === undefined ? why : `It must fit the pattern ${pattern.replaceAll("\\\\", "\\")}`;
}

export interface RefusedField {
  /** As the API calls it: `settings.ssh.host`. */
  name: string;
  why: string;
}

/** The field that a refusal names, if it names one, and why it was refused. */
export function refusedField(message: string): RefusedField | null {
  const said = message.replace(POINTER_TO_DOCS, "");
  const invalid = INVALID.exec(said);
  if (invalid?.[1]) return { name: invalid[1], why: plain(invalid[2]?.trim() || said) };
  const missing = MISSING.exec(said);
  if (missing?.[1]) return { name: missing[1], why: "This must be given." };
  const named = NAMED.exec(said);
  return named?.[1] ? { name: named[1], why: said } : null;
}

/** The field of a form that stands for a name or for what it is a part of: `tags[3]` is one of `tags`. */
export function fieldFor(name: string, fields: ReadonlySet<string>): string | null {
  for (let path = name; path; path = path.replace(/(^|[.[])[^.[]*$/, "")) {
    if (fields.has(path)) return path;
  }
  return null;
}
