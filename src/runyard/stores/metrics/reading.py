"""Finds the series of one run where their points lie: sealed chunks, chunks of several series, batches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property

from sqlalchemy import Connection

from runyard.stores.database import chunks
from runyard.stores.metrics.chunks import open_packed
from runyard.stores.metrics.keys import PACKED_KEY_ID
from runyard.stores.metrics.packing import PackedBatch, points_of_key, unpack_batches
from runyard.stores.metrics.points import Points
from runyard.stores.metrics.stored_series import ChunkRow, StoredSeries
from runyard.stores.prepared import Prepared, rows_at

_CHUNKS = Prepared(
    "SELECT chunk_id, point_count, first_timestamp_ms, last_timestamp_ms, first_step, last_step,"
    " coarse_bucket FROM metric_chunks WHERE run_number = :run_number AND key_id = :key_id"
)
_PACKED = Prepared(
    "SELECT packed FROM metric_chunks WHERE run_number = :run_number AND key_id = :key_id ORDER BY chunk_id"
)
_BATCHES = Prepared("SELECT packed FROM metric_batches WHERE run_number = :run_number ORDER BY batch_number")


class RunReader:
    """Series of one run in one state of the database.

    Args:
        connection: Of a transaction that lasts as long as the reader and its series are used.
        run_number: Which run.
    """

    def __init__(self, connection: Connection, run_number: int) -> None:
        self._connection = connection
        self._run_number = run_number

    def series(self, key: str, key_id: int | None) -> StoredSeries:
        """Return one series; a key of which nothing was summarised yet has no ``key_id``."""
        parts = [points_of_key(self._batches, key)]
        rows: list[ChunkRow] = []
        if key_id is not None:
            parts += self._packed_series[key_id]
            found = _CHUNKS.rows(self._connection, run_number=self._run_number, key_id=key_id)
            rows = list(map(ChunkRow._make, found))
        return StoredSeries(rows, Points.joined(parts), self)

    def read_columns(self, chunk_ids: Sequence[int]) -> list[bytes]:
        """Return the columns of some chunks."""
        return self._read("packed", chunk_ids)

    def read_buckets(self, chunk_ids: Sequence[int]) -> list[bytes]:
        """Return the pre-buckets of some chunks."""
        return self._read("buckets", chunk_ids)

    def _read(self, column: str, chunk_ids: Sequence[int]) -> list[bytes]:
        found: dict[int, bytes] = {}
        for some in chunks(chunk_ids):
            query = f"SELECT chunk_id, {column} FROM metric_chunks WHERE chunk_id IN ({{}})"
            found.update(rows_at(self._connection, query, some))
        return [found[chunk_id] for chunk_id in chunk_ids]

    @cached_property
    def _batches(self) -> list[PackedBatch]:
        rows = _BATCHES.rows(self._connection, run_number=self._run_number)
        return unpack_batches(packed for (packed,) in rows)

    @cached_property
    def _packed_series(self) -> dict[int, list[Points]]:
        series: dict[int, list[Points]] = defaultdict(list)
        for (packed,) in _PACKED.rows(self._connection, run_number=self._run_number, key_id=PACKED_KEY_ID):
            for key_id, points in open_packed(packed).items():
                series[key_id].append(points)
        return series
