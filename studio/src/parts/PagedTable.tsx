import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Loaded } from "./Loaded.tsx";
import { TableCard } from "./TableCard.tsx";

interface Props<Page, Row> {
  query: UseInfiniteQueryResult<InfiniteData<Page>>;
  title: string;
  /** As a card's: see there. */
  columns: string[];
  rowsOf: (page: Page) => Row[];
  /** What stands there when there are no rows. */
  empty: ReactNode;
  children: (row: Row) => ReactNode;
}

/** A card with a table that the server answers page by page. */
export function PagedTable<Page, Row>({ query, title, columns, rowsOf, empty, children }: Props<Page, Row>) {
  return (
    <>
      <Loaded query={query} label={`Loading ${title.toLowerCase()}`}>
        {(data) => {
          const rows = data.pages.flatMap(rowsOf);
          return (
            <TableCard title={title} columns={columns} instead={rows.length === 0 && empty}>
              {rows.map(children)}
            </TableCard>
          );
        }}
      </Loaded>
      {query.hasNextPage && (
        <button type="button" className="button" onClick={() => void query.fetchNextPage()}>
          Show more
        </button>
      )}
    </>
  );
}
