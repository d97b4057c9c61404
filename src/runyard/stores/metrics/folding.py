"""Turns the batches of a run into sealed chunks, one series after the other, and merges small chunks.

Reading and compressing happen outside of any write transaction; the transaction deletes exactly the rows that
were read and inserts the chunks that hold their points. If one of the rows is gone by then, another replica
was faster, or the run was removed: the transaction is given up and nothing has changed. A process that dies
on the way leaves the batches as they were.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from runyard.stores.database import Database, chunks
from runyard.stores.metadata.sql_pieces import Engine, Sql, whole_numbers
from runyard.stores.metrics.chunks import (
    MAX_CHUNK_POINTS,
    SealedChunk,
    open_chunk,
    open_packed,
    seal,
    seal_packed,
)
from runyard.stores.metrics.keys import PACKED_KEY_ID, MetricKeys
from runyard.stores.metrics.packing import points_by_key, unpack_batches
from runyard.stores.metrics.points import Points
from runyard.stores.prepared import Prepared, PreparedNumbers

MAX_POINTS = 65_536
"""Of one transaction: it holds the writer for 4 ms or so."""
SMALL_POINTS = 1024
"""A chunk below this is merged with its like once there are :data:`MERGED_AT` of them."""
SMALL_PACKED_POINTS = 4096
"""The same for a chunk of several series."""
SMALL_BATCH_POINTS = 64
"""Batches below this are read as one row: they are many, and to write them as text costs little."""
MERGED_AT = 16
PACKED_BELOW = 64
"""Fewer new points of a series than this share a row with those of other series."""

_DELETE_BATCHES = PreparedNumbers(
    "DELETE FROM metric_batches WHERE run_number = :run_number AND batch_number {}"
)
_DELETE_CHUNKS = PreparedNumbers("DELETE FROM metric_chunks WHERE run_number = :run_number AND chunk_id {}")
_ADD_CHUNK = Prepared(
    "INSERT INTO metric_chunks (run_number, key_id, point_count, first_timestamp_ms, last_timestamp_ms,"
    " first_step, last_step, coarse_bucket, packed, buckets) VALUES (:run_number, :key_id, :point_count,"
    " :first_timestamp_ms, :last_timestamp_ms, :first_step, :last_step, :coarse_bucket, :packed, :buckets)"
)

# A batch that is folded can't be summarised any more.
_SUMMARISED = (
    "metric_batches AS b WHERE run_number = ? AND NOT EXISTS"
    " (SELECT 1 FROM unsummarised_batches AS u WHERE u.batch_number = b.batch_number)"
)
_LEFT = Prepared(
    "SELECT count(*), coalesce(sum(point_count), 0) FROM metric_batches WHERE run_number = :run_number"
)
_COUNTS = (("batch_number", int), ("point_count", int))
_PACKED = (("batch_number", int), ("packed", bytes))
_IS_SMALL = (
    f"run_number = :run_number AND point_count < CASE key_id WHEN {PACKED_KEY_ID} THEN {SMALL_PACKED_POINTS}"
    f" ELSE {SMALL_POINTS} END"
)
_CROWDED = Prepared(
    f"SELECT key_id, sum(point_count) FROM metric_chunks WHERE {_IS_SMALL}"
    " GROUP BY key_id HAVING count(*) >= :at"
)
_SMALL = f"SELECT chunk_id, key_id, packed FROM metric_chunks WHERE {_IS_SMALL}"


@dataclass(frozen=True, slots=True)
class Folded:
    """What one transaction has folded; nothing, if there was nothing to fold or another one was faster.

    Args:
        batch_count: How many batches.
        point_count: How many points they held.
        is_all: Whether it left none of the run's for the next.
    """

    batch_count: int = 0
    point_count: int = 0
    is_all: bool = True


@dataclass(slots=True)
class _Replaced:
    """Rows that go, and the points that they held, by the number of their key."""

    batch_numbers: list[int] = field(default_factory=list)
    chunk_ids: list[int] = field(default_factory=list)
    points: dict[int, list[Points]] = field(default_factory=lambda: defaultdict(list))


class _TakenElsewhere(Exception):
    """A row that was read is gone: whoever took it has folded its points."""


class Folding:
    """Folds runs; any thread and any replica may, at any time."""

    def __init__(self, database: Database, keys: MetricKeys) -> None:
        self._database = database
        self._keys = keys

    def fold(self, run_number: int) -> Folded:
        """Fold the oldest batches of a run that are summarised, as many as one transaction takes."""
        replaced = _Replaced()
        with self._database.reading() as connection:
            batches, point_count, is_all = _oldest_batches(connection, run_number)
            if not batches:
                return Folded()
            replaced.batch_numbers = list(batches)
            by_key = points_by_key(unpack_batches(batches.values()))
            ids = self._keys.find(connection, by_key)
            for key, points in by_key.items():
                replaced.points[ids[key]].append(points)
            _add_small_chunks(connection, run_number, replaced, MERGED_AT)
        is_kept = self._replace(run_number, replaced)
        return Folded(len(batches), point_count, is_all) if is_kept else Folded()

    def count_left(self, run_number: int) -> tuple[int, int]:
        """Return how many batches of a run are not folded, and how many points they hold."""
        with self._database.reading_once() as connection:
            row = _LEFT.row(connection, run_number=run_number)
        return (0, 0) if row is None else (int(row[0]), int(row[1]))

    def merge(self, run_number: int) -> bool:
        """Merge small chunks of a run at rest, as many as one transaction takes; say if there were any."""
        replaced = _Replaced()
        with self._database.reading() as connection:
            _add_small_chunks(connection, run_number, replaced, 2)
        return bool(replaced.chunk_ids) and self._replace(run_number, replaced)

    def _replace(self, run_number: int, replaced: _Replaced) -> bool:
        sealed = list(_seal_all(replaced.points))
        rows = [chunk_row(run_number, key_id, chunk) for key_id, chunk in sealed]
        try:
            with self._database.writing() as connection:
                take_points(self._database, run_number)
                _delete(connection, _DELETE_BATCHES, run_number, replaced.batch_numbers)
                _delete(connection, _DELETE_CHUNKS, run_number, replaced.chunk_ids)
                _ADD_CHUNK.run_many(connection, rows)
        except _TakenElsewhere:
            return False
        return True


def take_points(database: Database, run_number: int) -> None:
    """Let this thread's transaction be the only one that moves or removes the points of a run.

    Who removes a series would else wait for the rows that another server replaces, and never see those that
    come in their place.
    """
    database.take_turns(f"points of run {run_number}")


def chunk_row(run_number: int, key_id: int, chunk: SealedChunk) -> dict[str, Any]:
    """Return a chunk as a row of ``metric_chunks``."""
    return {
        "run_number": run_number,
        "key_id": key_id,
        "point_count": chunk.point_count,
        "first_timestamp_ms": chunk.first_timestamp_ms,
        "last_timestamp_ms": chunk.last_timestamp_ms,
        "first_step": chunk.first_step,
        "last_step": chunk.last_step,
        "coarse_bucket": chunk.coarse_bucket,
        "packed": chunk.columns,
        "buckets": chunk.buckets,
    }


def _delete(connection: Connection, rows: PreparedNumbers, run_number: int, numbers: Sequence[int]) -> None:
    if numbers and rows.run(connection, numbers, run_number=run_number) != len(numbers):
        raise _TakenElsewhere


def _oldest_batches(connection: Connection, run_number: int) -> tuple[dict[int, bytes], int, bool]:
    """Return the batches that one transaction takes, how many points they hold, and whether these are all."""
    engine, summarised = Engine(connection), Sql(_SUMMARISED, (run_number,))
    counts = engine.rows_at_once(_COUNTS, summarised + f"ORDER BY batch_number LIMIT {MAX_POINTS + 1}")
    taken = point_count = 0
    for _, count in counts:
        if taken and point_count + count > MAX_POINTS:
            break
        taken, point_count = taken + 1, point_count + count
    if not taken:
        return {}, 0, True
    up_to = summarised + Sql("AND batch_number <= ? ORDER BY batch_number", (counts[taken - 1][0],))
    if point_count < SMALL_BATCH_POINTS * taken:
        rows = engine.rows_at_once(_PACKED, up_to)
    else:
        rows = engine.rows(Sql("SELECT batch_number, packed FROM") + up_to)
    return dict(rows), point_count, taken == len(counts)


def _add_small_chunks(connection: Connection, run_number: int, replaced: _Replaced, at: int) -> None:
    """Add the small chunks of each series that has ``at`` of them, as far as one transaction takes them."""
    room = MAX_POINTS - sum(len(part) for parts in replaced.points.values() for part in parts)
    chosen = []
    of_run = {"run_number": run_number}
    for key_id, point_count in _CROWDED.rows(connection, at=at, **of_run):
        if point_count <= room:
            chosen.append(key_id)
            room -= point_count
    for part in chunks(chosen):
        read = Prepared(f"{_SMALL} AND key_id IN {whole_numbers(part)}")
        for chunk_id, owner, packed in read.rows(connection, **of_run):
            replaced.chunk_ids.append(chunk_id)
            if owner != PACKED_KEY_ID:
                replaced.points[owner].append(open_chunk(packed))
                continue
            for key_id, points in open_packed(packed).items():
                replaced.points[key_id].append(points)


def _seal_all(points: Mapping[int, Sequence[Points]]) -> Iterator[tuple[int, SealedChunk]]:
    short: dict[int, Points] = {}
    for key_id, parts in points.items():
        joined = Points.joined(parts).in_order()
        if len(joined) < PACKED_BELOW:
            short[key_id] = joined
            continue
        count = math.ceil(len(joined) / MAX_CHUNK_POINTS)
        edges = [number * len(joined) // count for number in range(count + 1)]
        for start, end in itertools.pairwise(edges):
            yield key_id, seal(joined[start:end])
    if short:
        yield PACKED_KEY_ID, seal_packed(short)
