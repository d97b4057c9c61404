/** What may be followed and what is shown of a text in Markdown. Pure. */

/** Schemes that a link in somebody's text may have. */
const FOLLOWED = new Set(["http:", "https:", "mailto:"]);

/** A link's address if it may be followed; null for scripts, data and what is no address by itself. */
export function followed(href: string): string | null {
  try {
    return FOLLOWED.has(new URL(href).protocol) ? href : null;
  } catch {
    return null;
  }
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

/** The lexer leaves entities as they are written. */
export const plainText = (text: string) =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (whole, name: string) => ENTITIES[name] ?? whole);
