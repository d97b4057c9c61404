"""The metric store in SQL: a batch a request, a summary a series, sealed chunks.

Where a point lives: ``append`` writes its batch into ``metric_batches`` and notes it in
``unsummarised_batches``; ``settle`` joins it into the summary of its series; folding moves it into
``metric_chunks``. Readers take what they find in each of these places and drop repeats.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence

from sqlalchemy import Connection

from runyard.entities.metric import Metric, MetricBatch
from runyard.errors import StorageFull, Unavailable
from runyard.stores.database import Database, chunks
from runyard.stores.metadata.run_contents import run_numbers
from runyard.stores.metadata.sql_pieces import Engine, Sql, whole_numbers
from runyard.stores.metrics.appending import Appending, NewBatch, check_run
from runyard.stores.metrics.arrivals import Arrivals
from runyard.stores.metrics.base import MetricStore, TakenPoints, ThinnedSeries, Window
from runyard.stores.metrics.folding import Folding
from runyard.stores.metrics.keys import MetricKeys
from runyard.stores.metrics.packing import pack_batch
from runyard.stores.metrics.points import Points
from runyard.stores.metrics.reading import RunReader
from runyard.stores.metrics.removal import PointRemoval
from runyard.stores.metrics.summaries import Summary, join_summaries
from runyard.stores.metrics.summarising import Summaries
from runyard.stores.metrics.thinning import thin
from runyard.stores.prepared import Prepared

_log = logging.getLogger("runyard.store")

_RUN_NUMBER = Prepared("SELECT run_number FROM runs WHERE run_id = :run_id")
_LATEST = (
    "SELECT s.run_number, k.key, s.last_value, s.last_is_nan, s.last_timestamp_ms, s.last_step"
    " FROM metric_series s JOIN metric_keys k ON k.key_id = s.key_id"
)
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
        self._appending = Appending(database, self.arrivals)
        self._removal = PointRemoval(database, self._keys, self.arrivals)

    def append(
        self, run_id: str, batch: MetricBatch, batch_id: str | None = None, workspace: str | None = None
    ) -> bool:
        new = NewBatch(run_id, workspace, len(batch), pack_batch(batch))
        with self._database.together():
            if batch_id is not None and not self._claim(run_id, batch_id):
                return False
            if len(batch):
                self._appending.add(new)
            else:
                with self._database.writing() as connection:
                    check_run(connection, new)
        return True

    def _claim(self, run_id: str, batch_id: str) -> bool:
        # A client that gives one id to batches of two runs means two batches.
        claim, now_ms = f"{batch_id}/{run_id}", time.time_ns() // 1_000_000
        with self._database.writing() as connection:
            return _CLAIM.run(connection, batch_id=claim, accepted_ms=now_ms) > 0

    def settle(self, experiment_ids: Sequence[str] | None = None) -> None:
        try:
            if experiment_ids is None or self.summaries.are_waited_for(experiment_ids):
                self.summaries.settle()
        except (StorageFull, Unavailable) as error:
            # What is acknowledged stays so; only the summaries are behind until there is room again.
            _log.warning("summaries of metrics are behind: %s", error)

    @property
    def is_behind(self) -> bool:
        return self.summaries.is_behind

    def read_latest(self, run_ids: Sequence[str]) -> dict[str, list[Metric]]:
        self.settle()
        latest: dict[str, list[Metric]] = {run_id: [] for run_id in run_ids}
        with self._database.reading() as connection:
            engine, ids = Engine(connection), run_numbers(connection, run_ids)
            run_id_of = {number: run_id for run_id, number in ids.items()}
            for part in chunks(list(run_id_of)):
                read = Sql(
                    f"{_LATEST} WHERE s.run_number IN {whole_numbers(part)} ORDER BY s.run_number, k.key"
                )
                for number, key, value, is_nan, timestamp_ms, step in engine.rows(read):
                    last = math.nan if is_nan else value
                    latest[run_id_of[number]].append(Metric(key, last, timestamp_ms, step))
            if self.summaries.is_behind:
                self._add_waiting(connection, latest)
        return latest

    def _add_waiting(self, connection: Connection, latest: dict[str, list[Metric]]) -> None:
        """Join in memory what could not be joined in the table: the disk is full, and reads go on."""
        for run_id, waiting in self.summaries.waiting(connection, list(latest)).items():
            for metric in latest[run_id]:
                known = Summary.of_point(metric.step, metric.timestamp_ms, metric.value)
                join_summaries(waiting, {metric.key: known})
            latest[run_id] = [
                Metric(key, summary.last_value, summary.last_timestamp_ms, summary.last_step)
                for key, summary in sorted(waiting.items())
            ]

    def read_history(
        self,
        run_id: str,
        key: str,
        limit: int | None = None,
        offset: int = 0,
        window: Window | None = None,
    ) -> Points:
        with self._database.reading() as connection:
            run_number, key_id = self._find(connection, run_id, key)
            if run_number is None:
                return Points.empty()
            return RunReader(connection, run_number).series(key, key_id).history(limit, offset, window)

    def sample_history(
        self, run_id: str, key: str, limit: int, steps: tuple[int, int] | None = None
    ) -> Points:
        with self._database.reading() as connection:
            run_number, key_id = self._find(connection, run_id, key)
            if run_number is None:
                return Points.empty()
            return RunReader(connection, run_number).series(key, key_id).sample(limit, steps)

    def thin(self, run_id: str, keys: Sequence[str], window: Window, width: int) -> list[ThinnedSeries]:
        with self._database.reading() as connection:
            run = _RUN_NUMBER.row(connection, run_id=run_id)
            if run is None:
                return [thin(Points.empty(), window, width) for _ in keys]
            ids = self._keys.find(connection, keys)
            reader = RunReader(connection, run[0])
            return [reader.series(key, ids.get(key)).thin(window, width) for key in keys]

    def remove_series(self, run_id: str, keys: Sequence[str]) -> TakenPoints:
        return self._removal.remove_series(run_id, keys)

    def take_run(self, run_id: str) -> TakenPoints:
        return self._removal.take_run(run_id)

    def measure_run(self, run_id: str) -> TakenPoints:
        return self._removal.measure_run(run_id)

    def _find(self, connection: Connection, run_id: str, key: str) -> tuple[int | None, int | None]:
        """Return the number of a run and that of a key, which has none before it is first summarised."""
        run = _RUN_NUMBER.row(connection, run_id=run_id)
        return (run[0] if run else None), self._keys.find(connection, [key]).get(key)
