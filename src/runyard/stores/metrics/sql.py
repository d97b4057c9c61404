"""The metric store in SQL: a batch a request, a summary a series, sealed chunks.

Where a point lives: ``append`` writes its batch into ``metric_batches`` and notes it in
``unsummarised_batches``; ``settle`` joins it into the summary of its series; folding moves it into
``metric_chunks``. Readers take what they find in each of these places and drop repeats.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from sqlalchemy import Connection, select

from runyard.entities.metric import Metric, MetricBatch
from runyard.errors import NotFound, StorageFull, Unavailable
from runyard.stores.database import Database, chunks
from runyard.stores.metadata.schema import metric_keys, metric_series, runs
from runyard.stores.metrics.arrivals import Arrivals
from runyard.stores.metrics.base import Axis, MetricStore, ThinnedSeries, Window
from runyard.stores.metrics.folding import Folding
from runyard.stores.metrics.keys import MetricKeys
from runyard.stores.metrics.packing import pack_batch
from runyard.stores.metrics.points import Points
from runyard.stores.metrics.reading import ChunkRow, RunReader
from runyard.stores.metrics.summarising import Summaries
from runyard.stores.prepared import Prepared

_log = logging.getLogger("runyard.store")

_RUN_NUMBER = Prepared("SELECT run_number FROM runs WHERE run_id = :run_id")
_ADD_BATCH = Prepared(
    "INSERT INTO metric_batches (run_number, point_count, packed)"
    " VALUES (:run_number, :point_count, :packed) RETURNING batch_number"
)
_NOTE_UNSUMMARISED = Prepared("INSERT INTO unsummarised_batches (batch_number) VALUES (:batch_number)")
_CLAIM = Prepared(
    "INSERT INTO accepted_batches (batch_id, accepted_ms) VALUES (:batch_id, :accepted_ms)"
    " ON CONFLICT (batch_id) DO NOTHING"
)


class SqlMetrics(MetricStore):
    """Keeps points in the tables ``metric_batches``, ``metric_series`` and ``metric_chunks``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys = MetricKeys(database)
        self.arrivals = Arrivals()
        self.summaries = Summaries(database, self._keys, self.arrivals)
        self.folding = Folding(database, self._keys)

    def append(self, run_id: str, batch: MetricBatch) -> None:
        if not len(batch):
            return
        packed = pack_batch(batch)
        with self._database.writing() as connection:
            run = _RUN_NUMBER.row(connection, run_id=run_id)
            if run is None:
                raise NotFound(f"Run with id={run_id} not found")
            run_number, point_count = run[0], len(batch)
            added = _ADD_BATCH.row(
                connection, run_number=run_number, point_count=point_count, packed=packed
            )
            assert added is not None
            batch_number = added[0]
            _NOTE_UNSUMMARISED.run(connection, batch_number=batch_number)
            self._database.after_commit(
                lambda: self.arrivals.add(batch_number, run_number, point_count, packed)
            )

    def claim_batch(self, batch_id: str, now_ms: int) -> bool:
        with self._database.writing() as connection:
            return _CLAIM.run(connection, batch_id=batch_id, accepted_ms=now_ms) > 0

    def settle(self) -> None:
        try:
            self.summaries.settle()
        except (StorageFull, Unavailable) as error:
            # What is acknowledged stays acknowledged; only the summaries are behind until there is room again.
            _log.warning("summaries of metrics are behind: %s", error)

    def read_latest(self, run_ids: Sequence[str]) -> dict[str, list[Metric]]:
        self.settle()
        latest: dict[str, list[Metric]] = {run_id: [] for run_id in run_ids}
        query = (
            select(runs.c.run_id, metric_keys.c.key, metric_series)
            .join_from(runs, metric_series, metric_series.c.run_number == runs.c.run_number)
            .join(metric_keys, metric_keys.c.key_id == metric_series.c.key_id)
        )
        with self._database.reading() as connection:
            for part in chunks(run_ids):
                for row in connection.execute(query.where(runs.c.run_id.in_(part))):
                    value = math.nan if row.last_is_nan else row.last_value
                    latest[row.run_id].append(Metric(row.key, value, row.last_timestamp_ms, row.last_step))
        for metrics in latest.values():
            metrics.sort(key=lambda metric: metric.key)
        return latest

    def read_history(self, run_id: str, key: str, limit: int | None = None, offset: int = 0) -> Points:
        with self._database.reading() as connection:
            run_number, key_id = self._find(connection, run_id, key)
            if run_number is None:
                return Points.empty()
            reader = RunReader(connection, run_number)
            return _page(reader, key, key_id, offset, limit)

    def _find(self, connection: Connection, run_id: str, key: str) -> tuple[int | None, int | None]:
        """Return the number of a run and that of a key, which has none before it is first summarised."""
        run = _RUN_NUMBER.row(connection, run_id=run_id)
        return (run[0] if run else None), self._keys.find(connection, [key]).get(key)


def _page(reader: RunReader, key: str, key_id: int | None, offset: int, limit: int | None) -> Points:
    """Return a part of a history; chunks before and after it stay closed where all of them are in order."""
    rows, loose = reader.list_chunks(key_id), reader.read_loose(key, key_id).in_order()
    end = None if limit is None else offset + limit
    if not _follow_one_another(rows, loose):
        return Points.joined([*reader.open_chunks(rows), loose]).in_order()[offset:end]
    skipped, opened, start = 0, [], 0
    for row in rows:
        if start + row.point_count <= offset:
            skipped += row.point_count
        elif end is None or start < end:
            opened.append(row)
        start += row.point_count
    points = Points.joined([*reader.open_chunks(opened), loose] if end is None or start < end else reader.open_chunks(opened))
    return points[offset - skipped : None if end is None else end - skipped]


def _follow_one_another(rows: Sequence[ChunkRow], loose: Points) -> bool:
    """Whether each chunk begins after the end of the one before it, and what is loose after all of them."""
    firsts = [row.first_timestamp_ms for row in rows[1:]]
    if len(loose):
        firsts.append(int(loose.timestamps_ms[0]))
    return all(first > row.last_timestamp_ms for row, first in zip(rows, firsts, strict=False))
