import { type Sorting, sortedBy } from "./sorting.ts";

interface Props {
  title: string;
  className?: string;
  sorting: Sorting | undefined;
}

/** The head of a column; a button where the list can be sorted by it. */
export function SortHead({ title, className = "", sorting }: Props) {
  const key = sorting?.keys[title];
  if (!sorting || key === undefined) {
    return (
      <th scope="col" className={className}>
        {title}
      </th>
    );
  }
  const { order, onSort } = sorting;
  const isSorted = order.key === key;
  const way = order.isDescending ? "descending" : "ascending";
  return (
    <th scope="col" className={className} aria-sort={isSorted ? way : undefined}>
      <button
        type="button"
        className="sort-head"
        title={`Sort by ${title.toLowerCase()}`}
        onClick={() => onSort(sortedBy(order, key))}
      >
        {title}
        {isSorted && <span aria-hidden="true"> {order.isDescending ? "↓" : "↑"}</span>}
      </button>
    </th>
  );
}
