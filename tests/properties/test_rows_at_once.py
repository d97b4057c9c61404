"""What is read of SQLite as one row of JSON is what it would have been row by row, to the last bit."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from runyard.stores.metadata.sql_pieces import Engine, Sql
from runyard.testing.strategies import INT64_MAX, INT64_MIN

COLUMNS = (("t.n", int), ("t.value", float), ("t.said", str), ("t.packed", bytes))
_numbers = st.one_of(st.none(), st.integers(INT64_MIN, INT64_MAX))
_floats = st.one_of(st.none(), st.floats(allow_nan=False))
_texts = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"])))
_bytes = st.one_of(st.none(), st.binary())


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    with create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE t (place INTEGER PRIMARY KEY, n INT, value DOUBLE, said TEXT, packed BLOB)"
        )
        yield connection


@given(st.lists(st.tuples(_numbers, _floats, _texts, _bytes), max_size=20))
def test_rows_come_as_they_are(
    connection: Connection, rows: list[tuple[int | None, float | None, str | None, bytes | None]]
):
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("DELETE FROM t")
    driver.executemany("INSERT INTO t (n, value, said, packed) VALUES (?, ?, ?, ?)", rows)
    found = Engine(connection).rows_at_once(
        COLUMNS, Sql("t WHERE place > ? ORDER BY place DESC LIMIT 15", (0,))
    )
    assert [bits(row) for row in found] == [bits(row) for row in rows[::-1][:15]]


def bits(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(struct.pack("d", each) if isinstance(each, float) else each for each in row)
