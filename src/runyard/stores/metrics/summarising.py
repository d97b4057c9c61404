"""Joins what arrived into the rows of ``metric_series``: latest point, minimum, maximum of each series.

A join is idempotent and knows no order, so it may be done again after a crash and by two replicas at once.
That is why an acknowledged batch need not touch these rows: whoever reads them has them joined first.
"""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, select

from runyard.entities.run import RunStatus
from runyard.stores.database import Database, chunks
from runyard.stores.metadata.schema import metric_batches, runs, unsummarised_batches
from runyard.stores.metadata.search import experiment_numbers
from runyard.stores.metadata.sql_pieces import Engine, Sql, whole_numbers
from runyard.stores.metrics.arrivals import Arrivals
from runyard.stores.metrics.keys import MetricKeys
from runyard.stores.metrics.packing import PackedBatch, unpack_batch, unpack_batches
from runyard.stores.metrics.summaries import Summary, join_batch, summarise
from runyard.stores.prepared import Prepared, PreparedNumbers, PreparedRows

SERIES_AT_ONCE = 1000
"""Rows of one transaction: some 15 ms of the writer's time at most."""
BATCHES_AT_ONCE = 4000
ENDED = tuple(status.value for status in (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED))

_IS_LATER = (
    "(excluded.last_step, excluded.last_timestamp_ms, excluded.last_value, excluded.last_is_nan)"
    " > (metric_series.last_step, metric_series.last_timestamp_ms, metric_series.last_value,"
    " metric_series.last_is_nan)"
)
_LAST = ("last_step", "last_timestamp_ms", "last_is_nan", "last_value")
# A series is live from its second summary on: many runs log each metric once, and are found by index at once.
_JOINED = (
    "ON CONFLICT (run_number, key_id) DO UPDATE SET "
    + ", ".join(
        f"{name} = CASE WHEN {_IS_LATER} THEN excluded.{name} ELSE metric_series.{name} END" for name in _LAST
    )
    + ", minimum = CASE WHEN metric_series.minimum IS NULL OR excluded.minimum < metric_series.minimum"
    " THEN excluded.minimum ELSE metric_series.minimum END"
    ", maximum = CASE WHEN metric_series.maximum IS NULL OR excluded.maximum > metric_series.maximum"
    " THEN excluded.maximum ELSE metric_series.maximum END"
    ", is_live = "
)
_COLUMNS = {
    "run_number": "bigint",
    "key_id": "bigint",
    "experiment_id": "bigint",
    "last_step": "bigint",
    "last_timestamp_ms": "bigint",
    "last_value": "double precision",
    "last_is_nan": "boolean",
    "minimum": "double precision",
    "maximum": "double precision",
    "is_live": "boolean",
}
_JOIN = {
    is_active: PreparedRows(
        "INSERT INTO metric_series", _COLUMNS, _JOINED + ("TRUE" if is_active else "FALSE")
    )
    for is_active in (True, False)
}
"""Joins summaries of runs that are active, and of others."""
_OF_BATCH = metric_batches.c.batch_number == unsummarised_batches.c.batch_number
_WAITING = "unsummarised_batches ORDER BY batch_number LIMIT ?"
# Nobody takes one of them away before the commit: on SQLite who writes is alone.
_STILL_WAITING = PreparedNumbers(
    "SELECT count(*) FROM unsummarised_batches WHERE batch_number {}",
    "SELECT count(*) FROM (SELECT 1 FROM unsummarised_batches WHERE batch_number {} FOR SHARE) AS held",
)
_NUMBERS = (("batch_number", int),)
_CHANGED = Prepared("UPDATE runs SET revision = revision + 1 WHERE run_number = :run_number")
_SETTLED = PreparedNumbers("DELETE FROM unsummarised_batches WHERE batch_number {}")


class Summaries:
    """Brings the rows of ``metric_series`` up to date with all batches that have been committed."""

    def __init__(self, database: Database, keys: MetricKeys, arrivals: Arrivals) -> None:
        self._database = database
        self._keys = keys
        self._arrivals = arrivals
        self._one_at_a_time = threading.Lock()
        self._is_behind = False

    @property
    def is_behind(self) -> bool:
        """Whether the last try to join what arrived has failed, so that the rows may lack some of it."""
        return self._is_behind

    def are_waited_for(self, experiment_ids: Sequence[str]) -> bool:
        """Return whether a batch that waits to be joined is, or may be, of a run of these experiments.

        Raises:
            InvalidParameter: There are too many experiments.
            Unavailable: The database can't be reached.
        """
        if self._database.is_reading or not experiment_ids:
            return False
        many = Sql(f"EXISTS (SELECT 1 FROM unsummarised_batches LIMIT 1 OFFSET {BATCHES_AT_ONCE})")
        with self._database.reading_once() as connection:
            engine = Engine(connection)
            of_batch = engine.joined("metric_batches", "b", Sql("b.batch_number = u.batch_number"))
            of_run = engine.joined("runs", "r", Sql("r.run_number = b.run_number"))
            waiting = Sql("unsummarised_batches u") + of_batch + of_run
            where = f"r.experiment_id IN {whole_numbers(experiment_numbers(experiment_ids))}"
            theirs = Sql(f"EXISTS (SELECT 1 FROM {waiting.text} WHERE {where})")
            return bool(engine.rows(Sql(f"SELECT {many.text} OR {theirs.text}"))[0][0])

    def settle(self) -> None:
        """Join every batch that was committed before this call; cheap where there is none.

        Blocks while another thread writes.

        Raises:
            StorageFull: The disk is full; the rows are as they were.
            Unavailable: The database can't be reached.
        """
        if self._database.is_reading:
            return  # whoever began the snapshot has settled before
        if self._database.is_writing:
            # Its thread has the writer's turn: waiting for another one that settles would never end.
            self._settle()
            return
        with self._one_at_a_time:
            try:
                self._database.retrying(self._settle)
            except BaseException:
                self._is_behind = True
                raise
            self._is_behind = False

    def waiting(self, connection: Connection, run_ids: Sequence[str]) -> dict[str, dict[str, Summary]]:
        """Return what the batches that wait to be joined come to, by run and key; nothing is written."""
        query = (
            select(runs.c.run_id, metric_batches.c.packed)
            .join_from(unsummarised_batches, metric_batches, _OF_BATCH)
            .join(runs, runs.c.run_number == metric_batches.c.run_number)
        )
        found: dict[str, dict[str, Summary]] = {}
        for part in chunks(run_ids):
            for row in connection.execute(query.where(runs.c.run_id.in_(part))):
                join_batch(found.setdefault(row.run_id, {}), unpack_batch(row.packed))
        return found

    def _settle(self) -> None:
        while True:
            remembered = self._arrivals.known()
            with self._database.reading() as connection:
                oldest = Sql(_WAITING, (BATCHES_AT_ONCE,))
                waiting = [row[0] for row in Engine(connection).rows_at_once(_NUMBERS, oldest)]
                if len(waiting) < BATCHES_AT_ONCE:
                    # A replica may have been faster, even before this process took note of its own commit.
                    self._arrivals.forget(remembered.keys() - set(waiting))
                if not waiting:
                    return
                batches = self._read(connection, waiting)
                owners = _owners(connection, list(batches))
            summaries = {number: summarise(batches[number]) for number in batches}
            if self._join(summaries, owners, waiting) and len(waiting) < BATCHES_AT_ONCE:
                return

    def _read(self, connection: Connection, waiting: Sequence[int]) -> dict[int, list[PackedBatch]]:
        """Return the waiting batches of each run."""
        found = self._arrivals.known()
        absent = [number for number in waiting if number not in found]
        columns = metric_batches.c
        query = select(columns.batch_number, columns.run_number, columns.packed)
        for part in chunks(absent):
            for row in connection.execute(query.where(columns.batch_number.in_(part))):
                found[row.batch_number] = (row.run_number, row.packed)
        of_runs: dict[int, list[bytes]] = defaultdict(list)
        for number in waiting:
            if number in found:  # a run may have been removed with its batches
                run_number, packed = found[number]
                of_runs[run_number].append(packed)
        return {run_number: unpack_batches(packed) for run_number, packed in of_runs.items()}

    def _join(
        self,
        summaries: dict[int, dict[str, Summary]],
        owners: dict[int, tuple[int, bool]],
        waiting: Sequence[int],
    ) -> bool:
        """Join summaries of batches that wait, unless one of them has gone since it was read."""
        known = [run_number for run_number in sorted(summaries) if run_number in owners]
        names = [(run_number, key) for run_number in known for key in sorted(summaries[run_number])]
        parts = list(chunks(names, SERIES_AT_ONCE)) or [[]]
        for part in parts:
            with self._database.writing() as connection:
                # In one order everywhere, so that two replicas may wait for each other but not in a circle:
                # runs before what hangs on them.
                changed = sorted({run_number for run_number, _ in part})
                _CHANGED.run_many(connection, [{"run_number": number} for number in changed])
                if _STILL_WAITING.row(connection, waiting) != (len(waiting),):
                    return False  # a series that was removed since it was read would come back
                ids = self._keys.keep(connection, {key for _, key in part})
                for is_active, join in _JOIN.items():
                    rows = [
                        _row(run_number, ids[key], owners[run_number][0], summaries[run_number][key])
                        for run_number, key in part
                        if owners[run_number][1] == is_active
                    ]
                    join.run(connection, sorted(rows, key=itemgetter(0, 1)))
                if part is parts[-1]:
                    _SETTLED.run(connection, waiting)
                    self._database.after_commit(lambda: self._arrivals.forget(waiting))
        return True


def _owners(connection: Connection, run_numbers: Sequence[int]) -> dict[int, tuple[int, bool]]:
    """Return of each run its experiment, and whether it is still active."""
    query = select(runs.c.run_number, runs.c.experiment_id, runs.c.status)
    return {
        row.run_number: (row.experiment_id, row.status not in ENDED)
        for part in chunks(run_numbers)
        for row in connection.execute(query.where(runs.c.run_number.in_(part)))
    }


def _row(run_number: int, key_id: int, experiment_id: int, summary: Summary) -> tuple[Any, ...]:
    is_nan = math.isnan(summary.last_value)
    return (
        run_number,
        key_id,
        experiment_id,
        summary.last_step,
        summary.last_timestamp_ms,
        0.0 if is_nan else summary.last_value,
        is_nan,
        summary.minimum,
        summary.maximum,
        False,
    )
