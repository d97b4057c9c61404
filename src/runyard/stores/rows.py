"""Takes rows out of a table a few at a time, and says how many bytes they held.

The bytes of a row are those of its texts and blobs, and 8 for each number: what was stored, without what a
database adds around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    LargeBinary,
    String,
    Table,
    and_,
    bindparam,
    cast,
    delete,
    func,
    literal,
    select,
)

NUMBER_BYTES = 8
STATES = frozenset({"lifecycle_stage"})
"""Counted as numbers: a removal changes them on its way, which must not change what it frees."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Rows that are gone, or would be.

    Args:
        rows: How many.
        size_bytes: What they held.
        is_over: Whether none are left of what was to go.
    """

    rows: int = 0
    size_bytes: int = 0
    is_over: bool = True

    def __add__(self, other: Taken) -> Taken:
        is_over = self.is_over and other.is_over
        return Taken(self.rows + other.rows, self.size_bytes + other.size_bytes, is_over)


NOTHING_TAKEN = Taken()


def take_rows(connection: Connection, table: Table, condition: ColumnElement[bool], limit: int) -> Taken:
    """Delete at most ``limit`` of the rows that fulfil a condition; fewer than that are all of them."""
    key = list(table.primary_key)
    query = select(*key, row_bytes(connection, table)).where(condition).limit(limit)
    found = connection.execute(query).all()
    if found:
        names = [f"key_{number}" for number in range(len(key))]
        one = and_(*(column == bindparam(name) for column, name in zip(key, names, strict=True)))
        rows = [dict(zip(names, row[:-1], strict=True)) for row in found]
        connection.execute(delete(table).where(one), rows)
    return Taken(len(found), sum(row[-1] for row in found), len(found) < limit)


def measure_rows(connection: Connection, table: Table, condition: ColumnElement[bool]) -> Taken:
    """Return what :func:`take_rows` would take, without a limit."""
    size = func.coalesce(func.sum(row_bytes(connection, table)), 0)
    row = connection.execute(select(func.count(), size).select_from(table).where(condition)).one()
    return Taken(row[0], int(row[1]))


def row_bytes(connection: Connection, table: Table) -> ColumnElement[Any]:
    """Return how many bytes a row of the table holds."""
    texts = [
        column
        for column in table.c
        if isinstance(column.type, String | LargeBinary) and column.name not in STATES
    ]
    numbers = len(table.c) - len(texts)
    total: ColumnElement[Any] = literal(NUMBER_BYTES * numbers)
    for column in texts:
        total = total + func.coalesce(_length(connection, column), 0)
    return total


def _length(connection: Connection, column: Column[Any]) -> ColumnElement[Any]:
    if connection.dialect.name != "sqlite":
        return func.octet_length(column)
    # The length of a text would be counted in characters.
    return func.length(column if isinstance(column.type, LargeBinary) else cast(column, LargeBinary))
