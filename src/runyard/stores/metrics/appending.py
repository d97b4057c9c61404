"""Writes what a transaction has accepted: a row a batch, in as few statements as the engine allows.

The server commits what many clients send at the same moment together, so a transaction often has batches of
many runs. They are gathered and written at its end: on PostgreSQL on one way to the database and back.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from runyard.errors import NotFound
from runyard.stores.database import Database
from runyard.stores.metrics.arrivals import Arrivals
from runyard.stores.prepared import Prepared, Row

# For PostgreSQL. In the order of the list, so that the numbers are, whatever other servers take in between.
_ADD_AT_ONCE = Prepared(
    "WITH added AS ("
    " INSERT INTO metric_batches (run_number, point_count, packed)"
    " SELECT r.run_number, g.point_count, g.packed"
    " FROM unnest(CAST(:run_ids AS text[]), CAST(:point_counts AS int[]), CAST(:packed AS bytea[]))"
    " WITH ORDINALITY AS g (run_id, point_count, packed, place) JOIN runs r ON r.run_id = g.run_id"
    " ORDER BY g.place RETURNING batch_number, run_number"
    "), noted AS (INSERT INTO unsummarised_batches (batch_number) SELECT batch_number FROM added)"
    " SELECT batch_number, run_number FROM added ORDER BY batch_number"
)
# For SQLite, where a statement costs little and who writes is alone: the last numbers are this transaction's.
_ADD = Prepared(
    "INSERT INTO metric_batches (run_number, point_count, packed)"
    " SELECT run_number, :point_count, :packed FROM runs WHERE run_id = :run_id"
)
_NOTE = Prepared(
    "INSERT INTO unsummarised_batches (batch_number)"
    " SELECT batch_number FROM metric_batches ORDER BY batch_number DESC LIMIT :count"
)
_ADDED = Prepared(
    "SELECT batch_number, run_number FROM metric_batches ORDER BY batch_number DESC LIMIT :count"
)
_FIND = Prepared("SELECT 1 FROM runs WHERE run_id = :run_id")


class NewBatch(NamedTuple):
    """One accepted request."""

    run_id: str
    point_count: int
    packed: bytes


class Appending:
    """Writes batches at the end of the transaction that accepts them.

    Args:
        database: Where they are written.
        arrivals: Is told of them once they are committed.
    """

    def __init__(self, database: Database, arrivals: Arrivals) -> None:
        self._database = database
        self._arrivals = arrivals
        # One object for all, as it is by this one that a transaction knows what belongs together.
        self._write_all = self._write

    def add(self, batch: NewBatch) -> None:
        """Have a batch written at the end of this thread's transaction; ``NotFound`` if there is no run."""
        self._database.gather(self._write_all, batch)

    def _write(self, connection: Connection, batches: list[NewBatch]) -> None:
        add = _add_at_once if connection.dialect.name == "postgresql" else _add_each
        numbers = add(connection, batches)
        if len(numbers) < len(batches):
            raise _not_found(connection, batches)
        pairs = zip(numbers, batches, strict=True)
        new = [(number, run, batch.point_count, batch.packed) for (number, run), batch in pairs]
        self._database.after_commit(lambda: self._arrivals.add(new))


def _add_at_once(connection: Connection, batches: list[NewBatch]) -> list[Row]:
    run_ids, point_counts, packed = (list(column) for column in zip(*batches, strict=True))
    return _ADD_AT_ONCE.rows(connection, run_ids=run_ids, point_counts=point_counts, packed=packed)


def _add_each(connection: Connection, batches: list[NewBatch]) -> list[Row]:
    count = _ADD.run_many(connection, [batch._asdict() for batch in batches])
    if count < len(batches):
        return []
    _NOTE.run(connection, count=count)
    return _ADDED.rows(connection, count=count)[::-1]


def _not_found(connection: Connection, batches: list[NewBatch]) -> NotFound:
    absent = (each.run_id for each in batches if _FIND.row(connection, run_id=each.run_id) is None)
    return NotFound(f"Run with id={next(absent)} not found")
