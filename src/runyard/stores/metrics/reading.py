"""Reads series of one run from where their points lie: sealed chunks, chunks of several series, batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection, select

from runyard.stores.metadata.schema import metric_batches, metric_chunks
from runyard.stores.metrics.chunks import open_buckets, open_chunk, open_one_of_packed
from runyard.stores.metrics.keys import PACKED_KEY_ID
from runyard.stores.metrics.packing import PackedBatch, points_of_key, unpack_batch
from runyard.stores.metrics.points import Points
from runyard.stores.metrics.spans import PreBuckets


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """What a row of ``metric_chunks`` says of its points without being opened."""

    chunk_id: int
    point_count: int
    first_timestamp_ms: int
    last_timestamp_ms: int
    first_step: int
    last_step: int


class RunReader:
    """Series of one run in one state of the database.

    Args:
        connection: Of a transaction that lasts as long as the reader is used.
        run_number: Which run.
    """

    def __init__(self, connection: Connection, run_number: int) -> None:
        self._connection = connection
        self._run_number = run_number

    def list_chunks(self, key_id: int | None) -> list[ChunkRow]:
        """Return the chunks of one series in order of time, without their points."""
        columns = metric_chunks.c
        query = select(
            columns.chunk_id,
            columns.point_count,
            columns.first_timestamp_ms,
            columns.last_timestamp_ms,
            columns.first_step,
            columns.last_step,
        ).where(columns.run_number == self._run_number, columns.key_id == key_id)
        rows = [ChunkRow(*row) for row in self._connection.execute(query)] if key_id is not None else []
        return sorted(rows, key=lambda row: (row.first_timestamp_ms, row.last_timestamp_ms))

    def open_chunks(self, chunk_rows: Sequence[ChunkRow]) -> list[Points]:
        """Return the points of chunks, in the order that they were asked for."""
        return [open_chunk(packed) for packed in self._column(chunk_rows, "packed")]

    def read_buckets(self, chunk_rows: Sequence[ChunkRow]) -> list[PreBuckets]:
        """Return the pre-buckets of chunks, made now of those that were sealed without any."""
        stored = self._column(chunk_rows, "buckets")
        without = [row for row, buckets in zip(chunk_rows, stored, strict=True) if not buckets]
        made = iter(self.open_chunks(without))
        return [open_buckets(buckets) if buckets else PreBuckets.of(next(made)) for buckets in stored]

    def read_loose(self, key: str, key_id: int | None) -> Points:
        """Return the points of one series that are in no chunk of its own, in order and each once."""
        parts = [points_of_key(self._batches, key)]
        if key_id is not None:
            parts += [open_one_of_packed(packed, key_id) for packed in self._packed]
        return Points.joined(parts).in_order()

    def read_part(self, key: str, key_id: int | None, start: int = 0, end: int | None = None) -> Points:
        """Return points of one series in order of (timestamp, step, value), each once; a part of them.

        Chunks that hold none of them stay closed, where each chunk begins after the end of the one before.
        """
        rows, loose = self.list_chunks(key_id), self.read_loose(key, key_id)
        if not follow_one_another(rows, loose):
            return Points.joined([*self.open_chunks(rows), loose]).in_order()[start:end]
        opened, skipped, position = [], 0, 0
        for row in rows:
            if position + row.point_count <= start:
                skipped += row.point_count
            elif end is None or position < end:
                opened.append(row)
            position += row.point_count
        points = Points.joined([*self.open_chunks(opened), loose])
        return points[start - skipped : None if end is None else end - skipped]

    def _column(self, chunk_rows: Sequence[ChunkRow], name: str) -> list[bytes]:
        columns = metric_chunks.c
        found: dict[int, bytes] = {}
        for start in range(0, len(chunk_rows), 1000):
            ids = [row.chunk_id for row in chunk_rows[start : start + 1000]]
            query = select(columns.chunk_id, columns[name]).where(columns.chunk_id.in_(ids))
            found.update((row[0], row[1]) for row in self._connection.execute(query))
        return [found[row.chunk_id] for row in chunk_rows]

    @cached_property
    def _batches(self) -> list[PackedBatch]:
        query = select(metric_batches.c.packed).where(metric_batches.c.run_number == self._run_number)
        in_order = query.order_by(metric_batches.c.batch_number)
        return [unpack_batch(packed) for packed in self._connection.scalars(in_order)]

    @cached_property
    def _packed(self) -> list[bytes]:
        columns = metric_chunks.c
        query = select(columns.packed).where(
            columns.run_number == self._run_number, columns.key_id == PACKED_KEY_ID
        )
        return list(self._connection.scalars(query.order_by(columns.chunk_id)))


def follow_one_another(rows: Sequence[ChunkRow], loose: Points) -> bool:
    """Say whether each chunk begins after the end of the one before it, and what is loose after all."""
    firsts = [row.first_timestamp_ms for row in rows[1:]]
    if len(loose):
        firsts.append(int(loose.timestamps_ms[0]))
    return all(first > row.last_timestamp_ms for row, first in zip(rows, firsts, strict=False))
