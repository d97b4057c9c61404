"""Removes points: single series of a run, or all of a run that is being taken away.

Whoever folds, merges or summarises deletes exactly the rows that they read, and gives up when one of them is
gone. So a batch or a chunk that loses one of its series is not changed but replaced, under a number that was
never given before: what they have read of it can't come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection, Table, delete, func, insert, select

from runyard.entities.metric import MetricBatch
from runyard.stores.database import Database, chunks
from runyard.stores.metadata.schema import metric_batches, metric_chunks, metric_series, unsummarised_batches
from runyard.stores.metrics.arrivals import Arrivals
from runyard.stores.metrics.base import TakenPoints
from runyard.stores.metrics.chunks import open_packed, seal_packed
from runyard.stores.metrics.folding import chunk_row, take_points
from runyard.stores.metrics.keys import PACKED_KEY_ID, MetricKeys
from runyard.stores.metrics.packing import PackedBatch, pack_batch, unpack_batch
from runyard.stores.prepared import Prepared
from runyard.stores.rows import measure_rows, take_rows

CHUNKS_AT_ONCE = 32
BATCHES_AT_ONCE = 512
SERIES_AT_ONCE = 2000

_RUN_NUMBER = Prepared("SELECT run_number FROM runs WHERE run_id = :run_id")
_CHANGED = Prepared("UPDATE runs SET revision = revision + 1 WHERE run_number = :run_number")
_NOTHING = TakenPoints()


class PointRemoval:
    """Removes points for good; any thread may, while others append, fold, summarise and read."""

    def __init__(self, database: Database, keys: MetricKeys, arrivals: Arrivals) -> None:
        self._database = database
        self._keys = keys
        self._arrivals = arrivals

    def take_run(self, run_id: str) -> TakenPoints:
        """Remove some of a run's points, as many as hold the writer for some milliseconds."""
        with self._database.writing() as connection:
            found = _RUN_NUMBER.row(connection, run_id=run_id)
            if found is None:
                return _NOTHING
            run_number = found[0]
            batches = self._take_some(connection, metric_batches, run_number, BATCHES_AT_ONCE)
            sealed = self._take_some(connection, metric_chunks, run_number, CHUNKS_AT_ONCE)
            of_run = metric_series.c.run_number == run_number
            series = take_rows(connection, metric_series, of_run, SERIES_AT_ONCE)
            taken = batches + sealed + TakenPoints(0, series.size_bytes, series.is_over)
            if taken.is_over:
                self._database.after_commit(partial(self._arrivals.drop, run_number))
            return taken

    def measure_run(self, run_id: str) -> TakenPoints:
        """Return what the points of a run take."""
        with self._database.reading() as connection:
            found = _RUN_NUMBER.row(connection, run_id=run_id)
            if found is None:
                return _NOTHING
            points, size_bytes = 0, 0
            for table in (metric_batches, metric_chunks, metric_series):
                size_bytes += measure_rows(connection, table, table.c.run_number == found[0]).size_bytes
                if table is not metric_series:
                    count = select(func.coalesce(func.sum(table.c.point_count), 0))
                    points += int(connection.scalar(count.where(table.c.run_number == found[0])) or 0)
            return TakenPoints(points, size_bytes)

    def remove_series(self, run_id: str, keys: Sequence[str]) -> TakenPoints:
        """Remove all points of some series of a run, in one transaction."""
        with self._database.writing() as connection:
            found = _RUN_NUMBER.row(connection, run_id=run_id)
            if found is None:
                return _NOTHING
            # First, as whoever summarises does, so that the two don't wait for each other in a circle.
            _CHANGED.run(connection, run_number=found[0])
            take_points(self._database, found[0])
            wanted = set(keys)
            ids = set(self._keys.find(connection, wanted).values())
            taken = self._rewrite_batches(connection, found[0], wanted)
            taken += self._remove_chunks(connection, found[0], ids)
            taken += _rewrite_packed(connection, found[0], ids)
            return taken

    def _take_some(self, connection: Connection, table: Table, run_number: int, limit: int) -> TakenPoints:
        number = table.c.batch_number if table is metric_batches else table.c.chunk_id
        query = select(number, table.c.point_count).where(table.c.run_number == run_number).limit(limit)
        found = connection.execute(query).all()
        if not found:
            return _NOTHING
        numbers = [row[0] for row in found]
        if table is metric_batches:
            self._let_go(connection, numbers)
        some = (table.c.run_number == run_number) & number.in_(numbers)
        taken = take_rows(connection, table, some, limit)
        return TakenPoints(sum(row.point_count for row in found), taken.size_bytes, len(numbers) < limit)

    def _rewrite_batches(self, connection: Connection, run_number: int, keys: set[str]) -> TakenPoints:
        columns = metric_batches.c
        query = select(columns.batch_number, columns.packed).where(columns.run_number == run_number)
        old, taken = [], _NOTHING
        for row in connection.execute(query.order_by(columns.batch_number)).all():
            batch = unpack_batch(row.packed)
            if keys.isdisjoint(batch.keys):
                continue
            rest = _without(batch, keys)
            packed = pack_batch(rest) if len(rest) else b""
            old.append(row.batch_number)
            if len(rest):
                _add_in_place(connection, row.batch_number, run_number, len(rest), packed)
            taken += TakenPoints(len(batch) - len(rest), len(row.packed) - len(packed))
        if old:
            self._let_go(connection, old)
            for part in chunks(old):
                connection.execute(
                    delete(metric_batches).where(
                        columns.run_number == run_number, columns.batch_number.in_(part)
                    )
                )
        return taken

    def _let_go(self, connection: Connection, batch_numbers: Sequence[int]) -> None:
        """Have nobody summarise batches that go; those who are about to find that out."""
        for part in chunks(batch_numbers):
            waiting = unsummarised_batches.c.batch_number.in_(part)
            connection.execute(delete(unsummarised_batches).where(waiting))
        self._database.after_commit(partial(self._arrivals.forget, batch_numbers))

    def _remove_chunks(self, connection: Connection, run_number: int, ids: set[int]) -> TakenPoints:
        taken = _NOTHING
        for part in chunks(sorted(ids)):
            chosen = (metric_chunks.c.run_number == run_number) & metric_chunks.c.key_id.in_(part)
            count = select(func.coalesce(func.sum(metric_chunks.c.point_count), 0)).where(chosen)
            points = int(connection.scalar(count) or 0)
            size_bytes = measure_rows(connection, metric_chunks, chosen).size_bytes
            connection.execute(delete(metric_chunks).where(chosen))
            of_series = (metric_series.c.run_number == run_number) & metric_series.c.key_id.in_(part)
            size_bytes += measure_rows(connection, metric_series, of_series).size_bytes
            connection.execute(delete(metric_series).where(of_series))
            taken += TakenPoints(points, size_bytes)
        return taken


def _add_in_place(connection: Connection, old: int, run_number: int, point_count: int, packed: bytes) -> None:
    """Keep what is left of a batch under a number of its own; it is summarised if the old one was."""
    row = {"run_number": run_number, "point_count": point_count, "packed": packed}
    number = connection.scalar(insert(metric_batches).returning(metric_batches.c.batch_number), row)
    waits = unsummarised_batches.c.batch_number
    if connection.execute(select(waits).where(waits == old)).first() is not None:
        connection.execute(insert(unsummarised_batches), {"batch_number": number})


def _rewrite_packed(connection: Connection, run_number: int, ids: set[int]) -> TakenPoints:
    """Take series out of the chunks that several short ones share."""
    columns = metric_chunks.c
    query = select(columns.chunk_id, columns.packed).where(
        columns.run_number == run_number, columns.key_id == PACKED_KEY_ID
    )
    taken = _NOTHING
    for row in connection.execute(query).all():
        series = open_packed(row.packed)
        if ids.isdisjoint(series):
            continue
        rest = {key_id: points for key_id, points in series.items() if key_id not in ids}
        point_count = sum(map(len, series.values()))
        kept_bytes = 0
        if rest:
            sealed = seal_packed(rest)
            new = chunk_row(run_number, PACKED_KEY_ID, sealed)
            connection.execute(insert(metric_chunks), new)
            point_count -= sealed.point_count
            kept_bytes = len(sealed.columns)
        connection.execute(
            delete(metric_chunks).where(columns.run_number == run_number, columns.chunk_id == row.chunk_id)
        )
        taken += TakenPoints(point_count, len(row.packed) - kept_bytes)
    return taken


def _without(batch: PackedBatch, keys: set[str]) -> MetricBatch:
    rows = zip(
        batch.key_indexes.tolist(),
        batch.values.tolist(),
        batch.timestamps_ms.tolist(),
        batch.steps.tolist(),
        strict=True,
    )
    kept = [(batch.keys[index], *rest) for index, *rest in rows if batch.keys[index] not in keys]
    names, values, times, steps = (list(column) for column in zip(*kept, strict=True)) if kept else ([],) * 4
    return MetricBatch(names, values, times, steps)
