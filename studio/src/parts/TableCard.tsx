import type { ReactNode } from "react";
import { SortHead } from "./SortHead.tsx";
import type { Sorting } from "./sorting.ts";

interface Props {
  title: string;
  count?: number;
  /** Controls beside the title. */
  tools?: ReactNode;
  /** The columns' names: "-" before one means read out and not shown, "~" not on narrow screens. */
  columns: string[];
  /** What its rows can be sorted by. */
  sorting?: Sorting;
  /** What stands in place of the table, if anything. */
  instead?: ReactNode;
  children: ReactNode;
}

/** A card with a title, controls and a table that scrolls sideways when it must. */
export function TableCard({ title, count, tools, columns, sorting, instead, children }: Props) {
  return (
    <section className="card" aria-label={title}>
      <header className="row wrap">
        <h2 className="grow">
          {title} {count !== undefined && <span className="quiet number">{count}</span>}
        </h2>
        {tools}
      </header>
      {instead || (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        <section className="scroll-x" tabIndex={0} aria-label={`${title}, all rows`}>
          <table className="list middle">
            <thead>
              <tr>
                {columns.map((name) =>
                  name.startsWith("-") ? (
                    <th key={name}>
                      <span className="visually-hidden">{name.slice(1)}</span>
                    </th>
                  ) : (
                    <SortHead
                      key={name}
                      title={name.replace("~", "")}
                      className={name.startsWith("~") ? "wide-only" : ""}
                      sorting={sorting}
                    />
                  ),
                )}
              </tr>
            </thead>
            <tbody>{children}</tbody>
          </table>
        </section>
      )}
    </section>
  );
}
