"""Pieces of SQL that a search is put together from, and where the two engines want other words.

A search is written as text and run on the driver's own cursor: making it of SQLAlchemy's constructs costs
more than the search itself. All values are bound; names of keys and texts of callers never get into the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection

from runyard.stores.prepared import driver_of

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of a statement, with a question mark for each of its values."""

    text: str
    values: tuple[Any, ...] = ()

    def __add__(self, other: Sql | str) -> Sql:
        """Return both, one behind the other with a blank between."""
        if isinstance(other, str):
            return Sql(f"{self.text} {other}", self.values)
        return Sql(f"{self.text} {other.text}", self.values + other.values)


NEVER = Sql("1 = 0")
ALWAYS = Sql("1 = 1")


def all_of(conditions: Iterable[Sql]) -> Sql:
    """Return the condition that holds where all of them do."""
    needed = [condition for condition in conditions if condition is not ALWAYS]
    if NEVER in needed:
        return NEVER
    return _joined(" AND ", needed) if needed else ALWAYS


def any_of(conditions: Iterable[Sql]) -> Sql:
    """Return the condition that holds where one of them does."""
    possible = [condition for condition in conditions if condition is not NEVER]
    if ALWAYS in possible:
        return ALWAYS
    return _joined(" OR ", possible) if possible else NEVER


def opposite(condition: Sql) -> Sql:
    """Return the condition that holds where the other, which is never null, does not."""
    if condition is NEVER:
        return ALWAYS
    return NEVER if condition is ALWAYS else Sql(f"NOT ({condition.text})", condition.values)


def _joined(word: str, conditions: Sequence[Sql]) -> Sql:
    if len(conditions) == 1:
        return conditions[0]
    text = word.join(f"({condition.text})" for condition in conditions)
    return Sql(text, tuple(value for condition in conditions for value in condition.values))


def whole_numbers(numbers: Iterable[int]) -> str:
    """Return a list of numbers for an ``IN``, written out: what is made of ``int`` alone is harmless."""
    return f"({', '.join(str(int(number)) for number in numbers)})"


_OF_TEXT: dict[type, Callable[[str], Any]] = {float: float, bytes: bytes.fromhex}
"""How values are read that SQLite has to write as text in its JSON."""


class Engine:
    """Runs pieces on a connection, and knows the words in which SQLite and PostgreSQL differ.

    The order in which tables are joined is part of a search's plan and not left to the engine: both
    estimate badly here and lose by a factor of 4 to 50 on 100,000 runs.
    """

    def __init__(self, connection: Connection) -> None:
        self.is_sqlite = connection.dialect.name == "sqlite"
        self._driver = driver_of(connection)
        self.one_by_one = "" if self.is_sqlite else " OFFSET 0"
        """Ends a query within a condition that is to be asked for each row, not joined."""

    def rows(self, statement: Sql) -> list[Row]:
        """Return all rows of a statement."""
        text = statement.text if self.is_sqlite else statement.text.replace("?", "%s")
        found: list[Row] = self._driver.execute(text, statement.values).fetchall()
        return found

    def rows_at_once(self, columns: Sequence[tuple[str, type]], source: Sql) -> list[Row]:
        """Return all rows of a ``SELECT``, which may be a thousand, while requests are answered beside it.

        SQLite's driver gives the interpreter up at each row and waits for it afterwards: beside four writers
        that was 10 of 16 ms of a search. So there they come as one row.

        Args:
            columns: What is selected, each with its type: whole numbers, floats, texts or bytes.
            source: What stands behind the ``FROM``.
        """
        if not self.is_sqlite:
            return self.rows(Sql(f"SELECT {', '.join(value for value, _ in columns)} FROM") + source)
        named = ", ".join(f"{value} AS c{at}" for at, (value, _) in enumerate(columns))
        written = ", ".join(_in_json(f"c{at}", kind) for at, (_, kind) in enumerate(columns))
        inner = Sql(f"(SELECT {named} FROM") + source + ")"
        found = self.rows(Sql(f"SELECT json_group_array(json_array({written})) FROM") + inner)
        rows: list[list[Any]] = msgspec.json.decode(found[0][0])
        for at, (_, kind) in enumerate(columns):
            read = _OF_TEXT.get(kind)
            if read is not None:
                for row in rows:
                    row[at] = None if row[at] is None else read(row[at])
        return [tuple(row) for row in rows]

    def flag(self, column: str, is_set: bool) -> str:
        """Return whether a column of booleans is set, in the words that its index is made with."""
        if self.is_sqlite:
            return f"{column} = {int(is_set)}"
        return column if is_set else f"NOT {column}"

    def lowered(self, text: str) -> str:
        """Return a text in lower case by the rules of Unicode."""
        return f"lower({text})" if self.is_sqlite else f'lower(({text}) COLLATE "und-x-icu")'

    def joined(self, table: str, alias: str, on: Sql, *, may_lack: bool = False) -> Sql:
        """Return the join of a table by its key, for each row of those that stand before it.

        Args:
            table: The table's name.
            alias: What it is called in the query.
            on: The condition, in which its columns have the alias in front of them.
            may_lack: Keep rows that have no partner.
        """
        if not self.is_sqlite:
            kind = "LEFT JOIN" if may_lack else "JOIN"
            found = f"(SELECT * FROM {table} {alias} WHERE {on.text} OFFSET 0)"
            return Sql(f"{kind} LATERAL {found} {alias} ON true", on.values)
        kind = "LEFT JOIN" if may_lack else "CROSS JOIN"
        return Sql(f"{kind} {table} {alias} ON {on.text}", on.values)


def _in_json(column: str, kind: type) -> str:
    """Return a column as SQLite writes it in JSON; a float as a text, as its own JSON has 15 digits of it."""
    written = {float: f"printf('%!.20e', {column})", bytes: f"hex({column})"}.get(kind)
    return column if written is None else f"CASE WHEN {column} IS NOT NULL THEN {written} END"
