"""The metric store's work behind the requests: summaries every quarter of a second, folds, room given back.

All of it could be left undone for as long as one likes: readers find every acknowledged point wherever it
lies. It only makes them find it faster, and in less room.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select, union

from runyard.errors import StorageFull, Unavailable
from runyard.stores.database import Database, chunks
from runyard.stores.metadata.schema import metric_batches, metric_series, runs
from runyard.stores.metrics.folding import Folded
from runyard.stores.metrics.sql import SqlMetrics
from runyard.stores.metrics.summarising import ENDED
from runyard.stores.prepared import Prepared

TICK_S = 0.25
LOOK_AROUND_EVERY_S = 60.0
QUIET_AFTER_S = 60.0
FOLD_AT_BATCHES = 512
FOLD_AT_POINTS = 65_536
REST_PER_WORK = 3.0
"""Seconds of rest for each second of folding, while requests may be waiting for the writer."""
AFTER_FAULT_S = 5.0
BATCH_IDS_KEPT_MS = 30 * 24 * 3600 * 1000
SERIES_AT_ONCE = 1000

_log = logging.getLogger("runyard.store")

_RELEASE = Prepared(
    "UPDATE metric_series SET is_live = FALSE WHERE run_number = :run_number AND key_id IN"
    " (SELECT key_id FROM metric_series WHERE run_number = :run_number AND is_live"
    " ORDER BY key_id LIMIT :some)"
)
_FORGET_IDS = Prepared("DELETE FROM accepted_batches WHERE accepted_ms < :before_ms")


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is left to do, as far as this process knows.

    Args:
        runs: Runs that are not at rest.
        batches: Batches that are not folded.
        unsummarised: Batches that are in no summary.
    """

    runs: int
    batches: int
    unsummarised: int


class MetricUpkeep:
    """A thread that looks after the metric store from :meth:`start` to :meth:`stop`.

    Args:
        database: The database of the store.
        metrics: The store.
    """

    def __init__(self, database: Database, metrics: SqlMetrics) -> None:
        self._database = database
        self._metrics = metrics
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="runyard-metric-upkeep", daemon=True)
        self._looked_around_s = -LOOK_AROUND_EVERY_S
        self._settle_from_s = 0.0

    def start(self) -> None:
        """Summarise what an earlier process left, then go on in a thread.

        Raises:
            Unavailable: The database can't be reached.
        """
        try:
            self._metrics.summaries.settle()
        except StorageFull:
            _log.warning("the disk is full: summaries of metrics are behind until there is room")
        self._thread.start()

    def backlog(self) -> Backlog:
        """Return what is left to do."""
        active = self._metrics.arrivals.active()
        batches = sum(activity.batch_count for activity in active.values())
        return Backlog(len(active), batches, self._metrics.arrivals.unsummarised_count)

    def stop(self) -> None:
        """Stop after the transaction that is under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        pause_s = TICK_S
        while not self._stopping.wait(pause_s):
            pause_s = TICK_S
            try:
                self.tick()
            except (StorageFull, Unavailable) as error:
                _log.warning("the metric store's upkeep waits: %s", error)
                pause_s = AFTER_FAULT_S
            except Exception:  # noqa: BLE001 - a fault of one run must not end the upkeep of all
                _log.exception("the metric store's upkeep failed")
                pause_s = AFTER_FAULT_S

    def tick(self) -> None:
        """Do once what is due now."""
        self._settle()
        now_s = time.monotonic()
        if now_s - self._looked_around_s >= LOOK_AROUND_EVERY_S:
            self._looked_around_s = now_s
            self._look_around()
        for run_number, is_at_rest in self._due(now_s):
            began_s = time.monotonic()
            (self.bring_to_rest if is_at_rest else self._fold)(run_number)
            if self._stopping.wait((time.monotonic() - began_s) * REST_PER_WORK):
                return
            # Folding hundreds of runs takes minutes, and who searches meanwhile has to settle what has come.
            if time.monotonic() >= self._settle_from_s:
                self._settle()
        self._database.give_back_room(is_idle=not self._metrics.arrivals.active())

    def bring_to_rest(self, run_number: int) -> None:
        """Fold all of a run that has ended or fallen silent, and let searches find its values by index."""
        began_s = time.monotonic()
        while not self._fold(run_number).is_all:
            pass
        while self._metrics.folding.merge(run_number):
            pass
        while True:
            with self._database.writing() as connection:
                if _RELEASE.run(connection, run_number=run_number, some=SERIES_AT_ONCE) < SERIES_AT_ONCE:
                    break
        self._metrics.arrivals.rested(run_number, began_s)

    def _settle(self) -> None:
        began_s = time.monotonic()
        self._metrics.summaries.settle()
        ended_s = time.monotonic()
        self._settle_from_s = ended_s + max(TICK_S, ended_s - began_s)

    def _fold(self, run_number: int) -> Folded:
        folded = self._metrics.folding.fold(run_number)
        if folded.is_all:
            # Counted, as others may have folded what this process has accepted, or removed the run.
            self._metrics.arrivals.left(run_number, *self._metrics.folding.count_left(run_number))
        else:
            self._metrics.arrivals.folded(run_number, folded.batch_count, folded.point_count)
        return folded

    def _due(self, now_s: float) -> Iterator[tuple[int, bool]]:
        """Yield the runs to be folded, the fullest first, and whether each is at rest."""
        active = self._metrics.arrivals.active()
        ended = self._ended(list(active))
        fullest = sorted(active.items(), key=lambda item: item[1].point_count, reverse=True)
        for run_number, activity in fullest:
            if run_number in ended or now_s - activity.last_s >= QUIET_AFTER_S:
                yield run_number, True
            elif activity.batch_count >= FOLD_AT_BATCHES or activity.point_count >= FOLD_AT_POINTS:
                yield run_number, False

    def _ended(self, run_numbers: list[int]) -> set[int]:
        query = select(runs.c.run_number).where(runs.c.status.in_(ENDED))
        ended: set[int] = set()
        for part in chunks(run_numbers):
            with self._database.reading() as connection:
                ended.update(connection.scalars(query.where(runs.c.run_number.in_(part))))
        return ended

    def _look_around(self) -> None:
        """Find runs that this process did not see log: they were left by an earlier one, or by a replica."""
        live = select(metric_series.c.run_number).where(metric_series.c.is_live).distinct()
        unfolded = select(metric_batches.c.run_number).distinct()
        with self._database.reading() as connection:
            self._metrics.arrivals.watch(connection.scalars(union(live, unfolded)))
        with self._database.writing() as connection:
            _FORGET_IDS.run(connection, before_ms=time.time_ns() // 1_000_000 - BATCH_IDS_KEPT_MS)
