/** Reading CSV (RFC 4180, any line end), as far as a preview needs. Pure. */

export interface TextTable {
  header: string[];
  rows: string[][];
  isCut: boolean;
}

/** Cells of the first rows; quotes may hold separators, line ends and doubled quotes. */
export function csvRows(
  text: string,
  separator: string,
  rowLimit: number,
): { rows: string[][]; isCut: boolean } {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let isQuoted = false;
  const endCell = () => {
    row.push(cell);
    cell = "";
  };
  const endRow = () => {
    endCell();
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  };
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    if (isQuoted) {
      if (sign !== '"') cell += sign;
      else if (text[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else isQuoted = false;
    } else if (sign === '"' && cell === "") isQuoted = true;
    else if (sign === separator) endCell();
    else if (sign === "\n") {
      endRow();
      if (rows.length > rowLimit) return { rows: rows.slice(0, rowLimit), isCut: true };
    } else if (sign !== "\r" || text[at + 1] !== "\n") cell += sign;
  }
  if (cell !== "" || row.length > 0) endRow();
  return { rows: rows.slice(0, rowLimit), isCut: rows.length > rowLimit };
}

export function csvTable(text: string, separator: string, rowLimit = 500): TextTable {
  const { rows, isCut } = csvRows(text.replace(/^\ufeff/, ""), separator, rowLimit + 1);
  const [header = [], ...body] = rows;
  return { header, rows: body, isCut };
}

/** What `mlflow.log_table` writes: {"columns": [...], "data": [[...]]}. Null for any other JSON. */
export function loggedTable(value: unknown, rowLimit = 500): TextTable | null {
  const { columns, data } = (value ?? {}) as { columns?: unknown; data?: unknown };
  if (!Array.isArray(columns) || !Array.isArray(data) || !data.every(Array.isArray)) return null;
  const cell = (one: unknown) => (typeof one === "string" ? one : JSON.stringify(one));
  const rows = (data as unknown[][]).slice(0, rowLimit).map((row) => row.map(cell));
  return { header: columns.map(String), rows, isCut: data.length > rowLimit };
}
