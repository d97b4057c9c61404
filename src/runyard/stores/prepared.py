"""Statements of the hot paths: written once in SQL that both engines speak, run on the driver's own cursor.

SQLAlchemy's execution of a small statement costs ten times what SQLite needs to carry it out. What is run for
every request of a training loop goes past it, in the same transaction and under the same errors; all else
is written with SQLAlchemy's constructs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

Row = tuple[Any, ...]


class Prepared:
    """One statement with ``:names`` for its values; booleans come back as the driver gives them.

    Args:
        sql: The statement, in the common words of SQLite and PostgreSQL.
    """

    def __init__(self, sql: str) -> None:
        self.sql = sql
        # SQLite's driver binds names by itself; to name them as others do is left to SQLAlchemy.
        self._texts = {"sqlite": sql}

    def rows(self, connection: Connection, **values: Any) -> list[Row]:
        """Run it and return all rows."""
        found: list[Row] = driver_of(connection).execute(self._text(connection), values).fetchall()
        return found

    def row(self, connection: Connection, **values: Any) -> Row | None:
        """Run it and return the first row, if there is one."""
        found: Row | None = driver_of(connection).execute(self._text(connection), values).fetchone()
        return found

    def run(self, connection: Connection, **values: Any) -> int:
        """Run it and return how many rows it changed."""
        return int(driver_of(connection).execute(self._text(connection), values).rowcount)

    def run_many(self, connection: Connection, rows: Sequence[Any]) -> int:
        """Run it once for each of the rows, by name or by place, and return how many it changed in all."""
        if not rows:
            return 0
        cursor = driver_of(connection).cursor()
        cursor.executemany(self._text(connection), rows)
        return int(cursor.rowcount)

    def _text(self, connection: Connection) -> str:
        dialect = connection.dialect
        known = self._texts.get(dialect.name)
        if known is None:
            known = self._texts[dialect.name] = str(text(self.sql).compile(dialect=dialect))
        return known


class PreparedNumbers:
    """One statement about rows whose numbers are given as a list.

    The list is one bound value: the statement is prepared once, and SQLite's driver, which gives the
    interpreter up at each row and has to get it back from whoever answers requests, does so once for all.

    Args:
        sql: The statement, with ``{}`` behind the column of the numbers.
        postgres: The same for PostgreSQL, if that has other words for it.
    """

    def __init__(self, sql: str, postgres: str = "") -> None:
        self._sqlite = Prepared(sql.format("IN (SELECT value FROM json_each(:numbers))"))
        self._postgres = Prepared((postgres or sql).format("= ANY(CAST(:numbers AS bigint[]))"))

    def run(self, connection: Connection, numbers: Sequence[int], **values: Any) -> int:
        """Run it and return how many rows it changed."""
        if connection.dialect.name == "postgresql":
            return self._postgres.run(connection, numbers=list(numbers), **values)
        return self._sqlite.run(connection, numbers=_listed(numbers), **values)

    def row(self, connection: Connection, numbers: Sequence[int]) -> Row | None:
        """Run it and return the first row, if there is one."""
        if connection.dialect.name == "postgresql":
            return self._postgres.row(connection, numbers=list(numbers))
        return self._sqlite.row(connection, numbers=_listed(numbers))


class PreparedRows:
    """An ``INSERT`` of many rows: one after the other on SQLite, all at once on PostgreSQL.

    There each row would be a statement of its own, sent and answered by itself.

    Args:
        insert: The statement up to its columns, without them.
        columns: Each column with its type in PostgreSQL.
        conflict: The end of the statement, from ``ON CONFLICT`` on.
    """

    def __init__(self, insert: str, columns: Mapping[str, str], conflict: str) -> None:
        names = ", ".join(columns)
        values = ", ".join("?" * len(columns))  # SQLite's driver takes them faster by place than by name
        lists = ", ".join(f"CAST(:{name} AS {type_}[])" for name, type_ in columns.items())
        self._columns = tuple(columns)
        self._each = Prepared(f"{insert} ({names}) VALUES ({values}) {conflict}")
        self._at_once = Prepared(f"{insert} ({names}) SELECT * FROM unnest({lists}) {conflict}")

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Insert the rows, each with a value for every column; no two of them have the same key."""
        if not rows:
            return
        if connection.dialect.name == "postgresql":
            columns = map(list, zip(*rows, strict=True))
            self._at_once.run(connection, **dict(zip(self._columns, columns, strict=True)))
        else:
            self._each.run_many(connection, rows)


def rows_at(connection: Connection, sql: str, numbers: Iterable[int]) -> list[Row]:
    """Run a statement with ``numbers``, which are the database's own, as its text in place of ``{}``."""
    found: list[Row] = driver_of(connection).execute(sql.format(", ".join(map(str, numbers)))).fetchall()
    return found


def _listed(numbers: Iterable[int]) -> str:
    return f"[{','.join(map(str, numbers))}]"


def driver_of(connection: Connection) -> Any:
    """The driver's connection: ``sqlite3`` and ``psycopg`` both run statements on it."""
    return connection.connection.driver_connection
