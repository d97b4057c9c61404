"""Whether the metric store is whole: batches and chunks open, and each summary is what its points come to."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, field
from typing import Any

import msgspec
import numpy as np
import zstandard
from sqlalchemy import Connection, Row, func, select

from runyard.stores.database import Database
from runyard.stores.integrity import RESTORE, Fault
from runyard.stores.metadata.schema import (
    metric_batches,
    metric_chunks,
    metric_keys,
    metric_series,
    runs,
    unsummarised_batches,
)
from runyard.stores.metrics.chunks import open_buckets, open_chunk, open_packed
from runyard.stores.metrics.keys import PACKED_KEY_ID
from runyard.stores.metrics.packing import unpack_batch
from runyard.stores.metrics.points import Points
from runyard.stores.metrics.spans import SPAN, PreBuckets
from runyard.stores.metrics.summaries import Summary, join_summaries, summarise, summarise_points

RUNS_AT_ONCE = 500
SUMMARISE_AGAIN = (
    "Tables and searches show a wrong value, charts a right one. Restore the last backup, "
    "or report this with the output of `runyard check --json`."
)
_CAN_NOT_OPEN = (ValueError, IndexError, struct.error, zstandard.ZstdError, msgspec.MsgspecError)


@dataclass(slots=True)
class Counts:
    """How much was looked at."""

    runs: int = 0
    series: int = 0
    points: int = 0
    batches: int = 0
    chunks: int = 0


@dataclass(slots=True)
class _Found:
    """What the points of one run come to, by key: those that are summarised, and those that wait for it."""

    settled: dict[str, Summary] = field(default_factory=dict)
    waiting: dict[str, Summary] = field(default_factory=dict)


class MetricIntegrity:
    """Checks the metrics of one run after the other; memory holds one chunk or batch at a time.

    Args:
        database: The store's.
        on_run: Called after each run with how many are done and how many there are.
    """

    def __init__(
        self, database: Database, on_run: Callable[[int, int], None] = lambda done, total: None
    ) -> None:
        self.counts = Counts()
        self._database = database
        self._on_run = on_run
        self._names: dict[int, str] = {}

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong, run by run."""
        last = 0
        while page := self._next_runs(last):
            for run in page:
                with self._database.reading() as connection:
                    yield from self._check_run(connection, run)
                self.counts.runs += 1
                self._on_run(self.counts.runs, self._total)
            last = page[-1].run_number

    def _next_runs(self, last: int) -> list[Row[Any]]:
        query = select(runs.c.run_number, runs.c.run_id, runs.c.experiment_id)
        with self._database.reading() as connection:
            self._total = connection.scalar(select(func.count()).select_from(runs)) or 0
            after = query.where(runs.c.run_number > last).order_by(runs.c.run_number)
            return list(connection.execute(after.limit(RUNS_AT_ONCE)))

    def _check_run(self, connection: Connection, run: Row[Any]) -> Iterator[Fault]:
        found = _Found()
        where = f"run {run.run_id}"
        yield from self._check_batches(connection, run.run_number, where, found)
        yield from self._check_chunks(connection, run.run_number, where, found)
        yield from self._check_series(connection, run, where, found)

    def _check_batches(
        self, connection: Connection, run_number: int, where: str, found: _Found
    ) -> Iterator[Fault]:
        waiting = unsummarised_batches.c.batch_number
        query = (
            select(metric_batches, waiting.is_not(None).label("is_waiting"))
            .join(unsummarised_batches, waiting == metric_batches.c.batch_number, isouter=True)
            .where(metric_batches.c.run_number == run_number)
            .execution_options(yield_per=100)
        )
        for row in connection.execute(query):
            self.counts.batches += 1
            at = f"{where}, batch {row.batch_number}"
            try:
                batch = unpack_batch(row.packed)
                of_batch = summarise([batch])
            except _CAN_NOT_OPEN as error:
                yield Fault(at, f"it can't be read: {error}", RESTORE)
                continue
            self.counts.points += len(batch)
            if len(batch) != row.point_count:
                yield Fault(at, f"it holds {len(batch)} points and says {row.point_count}", RESTORE)
            join_summaries(found.waiting if row.is_waiting else found.settled, of_batch)

    def _check_chunks(
        self, connection: Connection, run_number: int, where: str, found: _Found
    ) -> Iterator[Fault]:
        query = (
            select(metric_chunks)
            .where(metric_chunks.c.run_number == run_number)
            .order_by(metric_chunks.c.chunk_id)
            .execution_options(yield_per=20)
        )
        for row in connection.execute(query):
            self.counts.chunks += 1
            at = f"{where}, chunk {row.chunk_id}"
            try:
                series = _open(row)
            except _CAN_NOT_OPEN as error:
                yield Fault(at, f"it can't be read: {error}", RESTORE)
                continue
            points = Points.joined(list(series.values()))
            self.counts.points += len(points)
            for what in _faults_of(row, series, points):
                yield Fault(at, what, RESTORE)
            for key_id, name in self._named(connection, series).items():
                if name is None:
                    yield Fault(at, f"nobody knows the name of its metric {key_id}", RESTORE)
                elif len(series[key_id]):
                    join_summaries(found.settled, {name: summarise_points(series[key_id])})

    def _check_series(
        self, connection: Connection, run: Row[Any], where: str, found: _Found
    ) -> Iterator[Fault]:
        query = select(metric_series).where(metric_series.c.run_number == run.run_number)
        rows = {row.key_id: row for row in connection.execute(query)}
        self.counts.series += len(rows)
        kept: dict[str, Row[Any]] = {}
        for key_id, name in self._named(connection, rows).items():
            if name is None:
                yield Fault(where, f"nobody knows the name of its metric {key_id}", RESTORE)
            else:
                kept[name] = rows[key_id]
        for name in sorted(kept.keys() | found.settled.keys()):
            what = _fault_of_summary(kept.get(name), run.experiment_id, name, found)
            if what is not None:
                yield Fault(f"{where}, metric {name}", what, SUMMARISE_AGAIN)

    def _named(self, connection: Connection, key_ids: Any) -> dict[int, str | None]:
        absent = [key_id for key_id in key_ids if key_id not in self._names]
        for start in range(0, len(absent), 1000):
            query = select(metric_keys).where(metric_keys.c.key_id.in_(absent[start : start + 1000]))
            self._names.update((row.key_id, row.key) for row in connection.execute(query))
        return {key_id: self._names.get(key_id) for key_id in key_ids}


def _open(row: Row[Any]) -> dict[int, Points]:
    return open_packed(row.packed) if row.key_id == PACKED_KEY_ID else {row.key_id: open_chunk(row.packed)}


def _faults_of(row: Row[Any], series: dict[int, Points], points: Points) -> Iterator[str]:
    if len(points) != row.point_count:
        yield f"it holds {len(points)} points and says {row.point_count}"
    if not len(points):
        return
    for name, column in (("timestamp_ms", points.timestamps_ms), ("step", points.steps)):
        has = (int(column.min()), int(column.max()))
        says = (getattr(row, f"first_{name}"), getattr(row, f"last_{name}"))
        if has != says:
            yield f"its {name} goes from {has[0]} to {has[1]}, and it says from {says[0]} to {says[1]}"
    if not all(len(each.in_order()) == len(each) and each.in_order() == each for each in series.values()):
        yield "its points are not in order, or one is there twice"
    kept = ((row.buckets, SPAN), (row.coarse_bucket, len(points)))
    if not all(_are_buckets_of(buckets, points, span) for buckets, span in kept if buckets):
        yield "what charts draw of it is not what its points come to"


def _are_buckets_of(buckets: bytes, points: Points, span: int) -> bool:
    try:
        kept = open_buckets([buckets])
    except _CAN_NOT_OPEN:
        return False
    made = PreBuckets.of(points, span)
    ends = ("last_timestamp_ms", "last_step", "is_by_step")
    values = ("counts", "value_counts", "firsts", "lasts", "minima", "maxima")
    return (
        all(getattr(kept, name) == getattr(made, name) for name in ends)
        and np.array_equal(kept.first_timestamps_ms, made.first_timestamps_ms)
        and np.array_equal(kept.first_steps, made.first_steps)
        and all(
            np.array_equal(getattr(kept.spans, name), getattr(made.spans, name), equal_nan=True)
            for name in values
        )
        # Another processor may round a mean otherwise.
        and np.allclose(kept.spans.means, made.spans.means, equal_nan=True)
    )


def _fault_of_summary(row: Row[Any] | None, experiment_id: int, name: str, found: _Found) -> str | None:
    """Say what is wrong with a row, whose batches that wait to be joined may be in it or not."""
    settled = found.settled.get(name)
    if row is None:
        return "it has points and no summary"
    if row.experiment_id != experiment_id:
        return f"its summary is in experiment {row.experiment_id}, its run in {experiment_id}"
    if settled is None and name not in found.waiting:
        return "it has a summary and no points"
    says = _summary_of(row)
    should: dict[str, Summary] = {}
    joined = {name: _summary_of(row)}
    for known in (settled, found.waiting.get(name)):
        if known is not None:
            join_summaries(should, {name: Summary(*astuple(known))})
    if name in found.waiting:
        join_summaries(joined, {name: found.waiting[name]})
    if not _are_alike(joined[name], should[name]):
        return f"its summary says {_shown(says)}, its points come to {_shown(should[name])}"
    return None


def _summary_of(row: Row[Any]) -> Summary:
    last_value = math.nan if row.last_is_nan else row.last_value
    return Summary(row.last_step, row.last_timestamp_ms, last_value, row.minimum, row.maximum)


def _are_alike(one: Summary, other: Summary) -> bool:
    pairs = zip(astuple(one), astuple(other), strict=True)
    return all(a == b or (a != a and b != b) for a, b in pairs)


def _shown(summary: Summary) -> str:
    return (
        f"last {summary.last_value} (step {summary.last_step}, time {summary.last_timestamp_ms}), "
        f"min {summary.minimum}, max {summary.maximum}"
    )
