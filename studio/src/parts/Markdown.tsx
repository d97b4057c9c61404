import type { Token, Tokens } from "marked";
import { Fragment, type ReactNode, useMemo } from "react";
import { followed, plainText, tokensOf } from "./markdownTokens.ts";

/** A text in Markdown. It becomes elements, never markup: HTML in it is shown as it was written, pictures as links. */
export function Markdown({ text }: { text: string }) {
  const tokens = useMemo(() => tokensOf(text), [text]);
  return <div className="markdown wrap-anywhere">{all(tokens)}</div>;
}

export default Markdown;

const all = (tokens: Token[] | undefined): ReactNode =>
  // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text have no names
  (tokens ?? []).map((token, index) => <Fragment key={index}>{shown(token)}</Fragment>);

/** The page's own headings are the first two levels. */
const HEADINGS = ["h3", "h3", "h4", "h5", "h6", "h6"] as const;

function shown(token: Token): ReactNode {
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "heading": {
      const Heading = HEADINGS[token.depth - 1] ?? "h6";
      return <Heading>{all(token.tokens)}</Heading>;
    }
    case "paragraph":
      return <p>{all(token.tokens)}</p>;
    case "blockquote":
      return <blockquote>{all(token.tokens)}</blockquote>;
    case "list":
      return listed(token as Tokens.List);
    case "code":
      return <pre>{token.text}</pre>;
    case "hr":
      return <hr />;
    case "table":
      return tabled(token as Tokens.Table);
    default:
      return inLine(token);
  }
}

function inLine(token: Token): ReactNode {
  switch (token.type) {
    case "strong":
      return <strong>{all(token.tokens)}</strong>;
    case "em":
      return <em>{all(token.tokens)}</em>;
    case "del":
      return <del>{all(token.tokens)}</del>;
    case "codespan":
      return <code>{token.text}</code>;
    case "br":
      return <br />;
    case "link":
      return linked(token.href, all(token.tokens));
    case "image":
      return linked(token.href, plainText(token.text || token.href));
    case "text":
      return token.tokens ? all(token.tokens) : plainText(token.text);
    case "escape":
      return plainText(token.text);
    default:
      return token.raw;
  }
}

function linked(href: string, text: ReactNode): ReactNode {
  const address = followed(href);
  if (address === null) return text;
  return (
    <a href={address} target="_blank" rel="noreferrer noopener">
      {text}
    </a>
  );
}

function listed({ ordered, start, items }: Tokens.List): ReactNode {
  const rows = items.map((item, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the items of a text have no names
    <li key={index}>
      {item.task && <input type="checkbox" checked={item.checked === true} disabled aria-label="Done" />}
      {all(item.tokens.filter(({ type }) => type !== "checkbox"))}
    </li>
  ));
  return ordered ? <ol start={start || 1}>{rows}</ol> : <ul>{rows}</ul>;
}

function tabled({ header, rows }: Tokens.Table): ReactNode {
  const cells = (row: Tokens.TableCell[], Cell: "th" | "td") => (
    <tr>
      {row.map((cell, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: columns of a text may have the same name
        <Cell key={index}>{all(cell.tokens)}</Cell>
      ))}
    </tr>
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className="scroll-x" tabIndex={0} aria-label="Table">
      <table className="list">
        <thead>{cells(header, "th")}</thead>
        <tbody>
          {rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the rows of a text have no names
            <Fragment key={index}>{cells(row, "td")}</Fragment>
          ))}
        </tbody>
      </table>
    </section>
  );
}
