/** What a text in Markdown consists of, what of it may be followed and what is shown. Pure. */
import { Lexer, type Token, type TokensList } from "marked";

/** Quotes and lists in one another. */
const DEEPEST = 40;
/** What may begin or end an emphasis; the time to pair them grows with the square of their number and faster. */
const MAX_MARKS = 500;
const MARK = /[*_~]+/g;

/** Reads whatever somebody wrote in a moment: what is too deep or has too many marks stays as it was written. */
class BoundedLexer extends Lexer {
  private depth = 0;

  override blockTokens(text: string, tokens: Token[] = [], isClipped?: boolean): TokensList {
    this.depth += 1;
    if (this.depth > DEEPEST) tokens.push(asWritten(text));
    else super.blockTokens(text, tokens, isClipped);
    this.depth -= 1;
    return tokens as TokensList;
  }

  override inlineTokens(text: string, tokens: Token[] = []): Token[] {
    if ((text.match(MARK)?.length ?? 0) <= MAX_MARKS) return super.inlineTokens(text, tokens);
    const lines = text.split("\n");
    if (lines.length === 1) tokens.push(asWritten(text));
    else
      lines.forEach((line, at) => {
        if (at > 0) tokens.push({ type: "br", raw: "\n" });
        this.inlineTokens(line, tokens);
      });
    return tokens;
  }
}

const asWritten = (text: string): Token => ({ type: "text", raw: text, text });

export const tokensOf = (text: string): Token[] => new BoundedLexer({ gfm: true, breaks: true }).lex(text);

/** Schemes that a link in somebody's text may have. */
const FOLLOWED = new Set(["http:", "https:", "mailto:"]);

/** A link's address if it may be followed; null for scripts, data and what is no address by itself. */
export function followed(href: string): string | null {
  const address = plainText(href);
  try {
    return FOLLOWED.has(new URL(address).protocol) ? address : null;
  } catch {
    return null;
  }
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

/** The lexer leaves entities as they are written. */
export const plainText = (text: string) =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (whole, name: string) => ENTITIES[name] ?? whole);
