import { type ReactNode, useState } from "react";
import { CopyButton } from "./CopyButton.tsx";
import { SearchField } from "./SearchField.tsx";

const LISTED_AT_FIRST = 100;
const SEARCHED_FROM = 8;

export interface PairRow {
  key: string;
  /** What the copy button takes. */
  text: string;
  shown?: ReactNode;
  /** More cells, one for each of the card's extra columns. */
  more?: ReactNode[];
}

interface Props {
  title: string;
  rows: PairRow[];
  empty: string;
  valueTitle?: string;
  moreTitles?: string[];
  /** Controls beside the title, and of one of the rows. */
  tools?: ReactNode;
  actionsOf?: (row: PairRow) => ReactNode;
}

/** A card with a table of keys and values; long ones are searched. */
export function PairsCard({
  title,
  rows,
  empty,
  valueTitle = "Value",
  moreTitles = [],
  tools,
  actionsOf,
}: Props) {
  const [search, setSearch] = useState("");
  const [isWhole, setIsWhole] = useState(false);
  const words = search.toLowerCase();
  const matching = words
    ? rows.filter((row) => row.key.toLowerCase().includes(words) || row.text.toLowerCase().includes(words))
    : rows;
  const listed = isWhole ? matching : matching.slice(0, LISTED_AT_FIRST);
  return (
    <section className="card pairs" aria-label={title}>
      <header>
        <h2 className="grow">
          {title} <span className="quiet number">{rows.length > 0 ? rows.length : ""}</span>
        </h2>
        {rows.length > SEARCHED_FROM && (
          <SearchField label={`Search ${title.toLowerCase()}`} value={search} onChange={setSearch} />
        )}
        {tools}
      </header>
      {rows.length === 0 ? (
        <p className="quiet card-note">{empty}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        <section className="scroll-x pairs-scroll" tabIndex={0} aria-label={`${title}, all rows`}>
          <table className="list">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">{valueTitle}</th>
                {moreTitles.map((name) => (
                  <th key={name} scope="col" className="end">
                    {name}
                  </th>
                ))}
                <th>
                  <span className="visually-hidden">{actionsOf ? "Actions" : "Copy"}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {listed.map((row) => (
                <tr key={row.key}>
                  <td className="wrap-anywhere key">{row.key}</td>
                  <td className="wrap-anywhere value">{row.shown ?? row.text}</td>
                  {(row.more ?? []).map((cell, index) => (
                    <td key={moreTitles[index]} className="end number">
                      {cell}
                    </td>
                  ))}
                  <td className="end copy">
                    <CopyButton text={row.text} label={`Copy the value of ${row.key}`} />
                    {actionsOf?.(row)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {listed.length < matching.length && (
        <button type="button" className="button bare" onClick={() => setIsWhole(true)}>
          Show all {matching.length}
        </button>
      )}
    </section>
  );
}
