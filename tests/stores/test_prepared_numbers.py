"""Statements about many rows by their numbers, on both engines."""

from __future__ import annotations

import contextlib
from pathlib import Path

from sqlalchemy import insert, select

from runyard.stores.metadata.schema import unsummarised_batches
from runyard.stores.prepared import PreparedNumbers
from tests.engines import SqlEngine

DELETE = PreparedNumbers("DELETE FROM unsummarised_batches WHERE batch_number {} AND batch_number < :below")
COUNT = PreparedNumbers("SELECT count(*) FROM unsummarised_batches WHERE batch_number {}")
HELD = PreparedNumbers(
    "SELECT 0",
    "SELECT count(*) FROM (SELECT 1 FROM unsummarised_batches WHERE batch_number {} FOR SHARE) AS held",
)
LARGE = 2**63 - 1


def test_rows_are_found_and_removed_by_their_numbers(tmp_path: Path, engine: SqlEngine):
    with contextlib.closing(engine.open(tmp_path)) as database, database.writing() as connection:
        there = [1, 2, 3, 500, LARGE]
        connection.execute(insert(unsummarised_batches), [{"batch_number": number} for number in there])
        assert COUNT.row(connection, [3, 1, 4, LARGE]) == (3,)
        assert COUNT.row(connection, []) == (0,)
        assert COUNT.row(connection, range(40_000)) == (4,), "more than an engine binds values"
        assert DELETE.run(connection, [500, 2, 7, LARGE], below=LARGE) == 2
        assert DELETE.run(connection, [], below=LARGE) == 0
        left = connection.scalars(select(unsummarised_batches.c.batch_number)).all()
        assert sorted(left) == [1, 3, LARGE]


def test_an_engine_may_have_words_of_its_own(tmp_path: Path, engine: SqlEngine):
    with contextlib.closing(engine.open(tmp_path)) as database, database.writing() as connection:
        connection.execute(insert(unsummarised_batches), [{"batch_number": 1}, {"batch_number": 2}])
        assert HELD.row(connection, [1, 2, 3]) == ((0,) if engine.name == "sqlite" else (2,))
