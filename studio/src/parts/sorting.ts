/** The order of a list in the address and by a click on its columns. Pure. */

export interface Sorting {
  /** The server's name of each column that can be sorted by. */
  keys: Readonly<Record<string, string>>;
  order: ListOrder;
  onSort: (order: ListOrder) => void;
}

export interface ListOrder {
  key: string;
  isDescending: boolean;
}

/** Read an order such as `name:asc`; what is none of the keys is the order that the list has at first. */
export function listOrderOf(text: string | null, keys: readonly string[], first: ListOrder): ListOrder {
  const match = /^(.+):(asc|desc)$/.exec(text ?? "");
  if (!match?.[1] || !keys.includes(match[1])) return first;
  return { key: match[1], isDescending: match[2] === "desc" };
}

export const listOrderText = ({ key, isDescending }: ListOrder) => `${key}:${isDescending ? "desc" : "asc"}`;

/** As MLflow's searches take it. */
export const orderByOf = ({ key, isDescending }: ListOrder) => `${key} ${isDescending ? "DESC" : "ASC"}`;

/** What a column of words is called by the server. */
const WORDS = /(^|_)(name|by|status|compute)$/;

/** A click on a column: words start with the first, times and numbers with the last; a second click turns it round. */
export function sortedBy(order: ListOrder, key: string): ListOrder {
  if (order.key === key) return { key, isDescending: !order.isDescending };
  return { key, isDescending: !WORDS.test(key) };
}
