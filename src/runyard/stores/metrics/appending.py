"""Writes what a transaction has accepted: a row a batch, in as few statements as the engine allows.

The server commits what many clients send at the same moment together, so a transaction often has batches of
many runs. They are gathered and written at its end: on PostgreSQL on one way to the database and back.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from runyard.entities.experiment import LifecycleStage
from runyard.entities.run import check_stage
from runyard.errors import NotFound
from runyard.stores.database import Database, TransactionUndone
from runyard.stores.metadata.schema import REMOVED
from runyard.stores.metrics.arrivals import Arrivals
from runyard.stores.prepared import Prepared, Row

# A run whose workspace is given must be there, and in use.
_IS_IN_USE = f"r.lifecycle_stage = 'active' AND e.lifecycle_stage <> '{REMOVED}' AND e.workspace ="
_RUN = "runs r JOIN experiments e ON e.experiment_id = r.experiment_id"
# For PostgreSQL. All of them or none, as nobody takes the others back where this is the whole transaction. In
# the order of the list, so that the numbers are, whatever other servers take in between.
_ADD_AT_ONCE = Prepared(
    "WITH found AS ("
    " SELECT r.run_number, g.point_count, g.packed, g.place"
    " FROM unnest(CAST(:run_ids AS text[]), CAST(:workspaces AS text[]), CAST(:point_counts AS int[]),"
    " CAST(:packed AS bytea[])) WITH ORDINALITY AS g (run_id, workspace, point_count, packed, place)"
    " JOIN runs r ON r.run_id = g.run_id JOIN experiments e ON e.experiment_id = r.experiment_id"
    f" WHERE g.workspace IS NULL OR ({_IS_IN_USE} g.workspace)"
    "), added AS ("
    " INSERT INTO metric_batches (run_number, point_count, packed)"
    " SELECT run_number, point_count, packed FROM found"
    " WHERE (SELECT count(*) FROM found) = cardinality(CAST(:run_ids AS text[]))"
    " ORDER BY place RETURNING batch_number, run_number"
    "), noted AS (INSERT INTO unsummarised_batches (batch_number) SELECT batch_number FROM added)"
    " SELECT batch_number, run_number FROM added ORDER BY batch_number"
)
# The same for one batch, as of a client that is alone: lists cost as much as the rest of the statement.
_ADD_ONE = Prepared(
    "WITH added AS ("
    " INSERT INTO metric_batches (run_number, point_count, packed)"
    f" SELECT r.run_number, CAST(:point_count AS int), CAST(:packed AS bytea) FROM {_RUN}"
    " WHERE r.run_id = CAST(:run_id AS text)"
    f" AND (CAST(:workspace AS text) IS NULL OR ({_IS_IN_USE} CAST(:workspace AS text)))"
    " RETURNING batch_number, run_number"
    "), noted AS (INSERT INTO unsummarised_batches (batch_number) SELECT batch_number FROM added)"
    " SELECT batch_number, run_number FROM added"
)
# For SQLite, where a statement costs little and who writes is alone: the last numbers are this transaction's.
_ADD = Prepared(
    "INSERT INTO metric_batches (run_number, point_count, packed)"
    f" SELECT r.run_number, :point_count, :packed FROM {_RUN} WHERE r.run_id = :run_id"
    f" AND (:workspace IS NULL OR ({_IS_IN_USE} :workspace))"
)
_NOTE = Prepared(
    "INSERT INTO unsummarised_batches (batch_number)"
    " SELECT batch_number FROM metric_batches ORDER BY batch_number DESC LIMIT :count"
)
_ADDED = Prepared(
    "SELECT batch_number, run_number FROM metric_batches ORDER BY batch_number DESC LIMIT :count"
)
_FIND = Prepared(
    f"SELECT e.workspace, r.lifecycle_stage, e.lifecycle_stage FROM {_RUN} WHERE r.run_id = :run_id"
)


class NewBatch(NamedTuple):
    """One accepted request; with a ``workspace``, of a run that must be there and in use."""

    run_id: str
    workspace: str | None
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
            for batch in batches:
                check_run(connection, batch)
            raise TransactionUndone("Runs changed while they were logged to; nothing was written.")
        pairs = zip(numbers, batches, strict=True)
        new = [(number, run, batch.point_count, batch.packed) for (number, run), batch in pairs]
        self._database.after_commit(lambda: self._arrivals.add(new))


def check_run(connection: Connection, batch: NewBatch) -> None:
    """Return if the run of a batch can take it.

    Raises:
        NotFound: There is no such run, or not where it must be.
        InvalidParameter: It lies in the trash.
    """
    row = _FIND.row(connection, run_id=batch.run_id)
    if row is None or (batch.workspace is not None and (row[0] != batch.workspace or REMOVED in row[1:])):
        raise NotFound(f"Run with id={batch.run_id} not found")
    if batch.workspace is not None:
        check_stage(batch.run_id, LifecycleStage(row[1]))


def _add_at_once(connection: Connection, batches: list[NewBatch]) -> list[Row]:
    if len(batches) == 1:
        return _ADD_ONE.rows(connection, **batches[0]._asdict())
    columns = (list(column) for column in zip(*batches, strict=True))
    names = ("run_ids", "workspaces", "point_counts", "packed")
    return _ADD_AT_ONCE.rows(connection, **dict(zip(names, columns, strict=True)))


def _add_each(connection: Connection, batches: list[NewBatch]) -> list[Row]:
    count = _ADD.run_many(connection, [batch._asdict() for batch in batches])
    if count < len(batches):
        return []
    _NOTE.run(connection, count=count)
    return _ADDED.rows(connection, count=count)[::-1]
