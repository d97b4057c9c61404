"""Reads one series from where its points lie: sealed chunks, and loose points that came since.

Chunks and loose points that share a stretch of time form a segment; repeats and order concern
nothing outside of it. A chunk alone in its segment, as nearly all are, is opened only if its points
are asked for: pages skip it by its count, and wide charts are drawn from its pre-buckets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol

import numpy as np

from runyard.stores.metrics.base import Axis, ThinnedSeries, Window
from runyard.stores.metrics.chunks import open_buckets, open_chunk
from runyard.stores.metrics.points import Bools, Ints, Points, Positions
from runyard.stores.metrics.spans import PreBuckets
from runyard.stores.metrics.thinning import (
    bounds_of,
    by_step,
    may_snap,
    sample,
    sample_buckets,
    thin,
    thin_buckets,
    within,
)

_LEAST_AND_GREATEST = (np.minimum, np.maximum)
_NEUTRAL: dict[np.ufunc, int] = {
    np.add: 0,
    np.minimum: np.iinfo(np.int64).max,
    np.maximum: np.iinfo(np.int64).min,
}


class ChunkRow(NamedTuple):
    """What is known of a chunk of one series before it is opened; see :class:`SealedChunk`."""

    chunk_id: int
    point_count: int
    first_timestamp_ms: int
    last_timestamp_ms: int
    first_step: int
    last_step: int
    coarse_bucket: bytes


class ChunkReader(Protocol):
    """Reads of several chunks what :class:`SealedChunk` holds of each, in the order asked for."""

    def read_columns(self, chunk_ids: Sequence[int]) -> Sequence[bytes]:
        """Return the columns of some chunks."""

    def read_buckets(self, chunk_ids: Sequence[int]) -> Sequence[bytes]:
        """Return the pre-buckets of some chunks."""


class StoredSeries:
    """One series: its chunks, and its loose points in any order, repeats among them.

    Args:
        chunks: Its chunks in any order.
        loose: Points that are not in a chunk of this series alone.
        reader: Reads the chunks' bytes when they are needed.
    """

    def __init__(self, chunks: Sequence[ChunkRow], loose: Points, reader: ChunkReader) -> None:
        self._chunks = sorted(chunks, key=lambda chunk: chunk.first_timestamp_ms)
        self._loose = loose.in_order()
        self._reader = reader
        self._segments = _Segments.of(self._chunks, self._loose)

    def history(self, limit: int | None = None, offset: int = 0, window: Window | None = None) -> Points:
        """Return points of a window in their order; chunks before and after them stay closed."""
        touched, is_whole = self._in_sight(window or Window())
        if limit is None and not offset:
            return self._open(touched, window)
        counts = self._segments.point_counts[touched]
        for place in np.flatnonzero(~is_whole[touched]).tolist():
            if limit is not None and counts[:place].sum() >= offset + limit:
                break
            counts[place] = len(self._open(touched[place : place + 1], window))
        ends = np.cumsum(counts)
        first = int(np.searchsorted(ends, offset, "right"))
        last = len(ends) if limit is None else int(np.searchsorted(ends, offset + limit, "left")) + 1
        skipped = offset - int(ends[first - 1]) if first else offset
        opened = self._open(touched[first:last], window)
        return opened[skipped:] if limit is None else opened[skipped : skipped + limit]

    def sample(self, limit: int, steps: tuple[int, int] | None = None) -> Points:
        """Return evenly taken points; see :meth:`MetricStore.sample_history`."""
        found = self._read(Window(Axis.STEP, *(steps or ())), limit)
        if isinstance(found, PreBuckets):
            return sample_buckets(found, limit)
        return sample(found, limit)

    def thin(self, window: Window, width: int) -> ThinnedSeries:
        """Return what a chart draws; see :meth:`MetricStore.thin`."""
        found = self._read(window, width)
        if isinstance(found, PreBuckets):
            return thin_buckets(found, window.axis, width)
        return thin(found, window, width)

    def _in_sight(self, window: Window) -> tuple[Positions, Bools]:
        """Return which segments a window touches, and of all whether they are clean and whole in it."""
        first_xs, last_xs = self._segments.extents(window.axis)
        first_x, last_x = bounds_of(window)
        touched = np.flatnonzero((last_xs >= first_x) & (first_xs <= last_x))
        return touched, self._segments.are_clean & (first_xs >= first_x) & (last_xs <= last_x)

    def _read(self, window: Window, width: int) -> Points | PreBuckets:
        """Return pre-buckets of the window's points if they are fine enough, else the points."""
        touched, is_whole = self._in_sight(window)
        first_xs, last_xs = self._segments.extents(window.axis)
        is_in_order = bool((first_xs[touched][1:] >= last_xs[touched][:-1]).all())
        counts = self._segments.point_counts[touched[is_whole[touched]]]
        if is_in_order and may_snap(int(counts.sum()), width):
            is_coarse = may_snap(int(counts.sum()), width, int(counts.max()))
            buckets = self._read_buckets(touched, is_whole, window, is_coarse=is_coarse)
            if window.axis is Axis.TIME or buckets.is_by_step:
                return buckets
        return self._open(touched, window)

    def _read_buckets(
        self, touched: Positions, is_whole: Bools, window: Window, *, is_coarse: bool
    ) -> PreBuckets:
        whole = touched[is_whole[touched]]
        chunks = [self._chunks[place] for place in self._segments.chunk_starts[whole].tolist()]
        if is_coarse:
            blobs = [chunk.coarse_bucket for chunk in chunks]
        else:
            blobs = [*self._reader.read_buckets([chunk.chunk_id for chunk in chunks])]
        if len(whole) == len(touched) and all(blobs):
            return open_buckets(blobs)
        blob_of = dict(zip(whole.tolist(), blobs, strict=True))
        parts = []
        for has_blob, numbers in groupby(touched.tolist(), lambda number: bool(blob_of.get(number))):
            if has_blob:
                parts.append(open_buckets([blob_of[number] for number in numbers]))
                continue
            points = self._open(np.array(list(numbers)), window)
            if len(points):
                parts.append(PreBuckets.of(by_step(points) if window.axis is Axis.STEP else points))
        return PreBuckets.joined(parts)

    def _open(self, numbers: Positions, window: Window | None) -> Points:
        """Return the points that some segments have in a window, in order."""
        segments = self._segments
        ranges = [range(segments.chunk_starts[number], segments.chunk_ends[number]) for number in numbers]
        places = [place for places in ranges for place in places]
        opened: dict[int, Points] = {}
        if places:
            columns = self._reader.read_columns([self._chunks[place].chunk_id for place in places])
            opened = dict(zip(places, map(open_chunk, columns), strict=True))
        parts = []
        for number, own_places in zip(numbers.tolist(), ranges, strict=True):
            own = [opened[place] for place in own_places]
            if not segments.are_clean[number]:
                own.append(self._loose[segments.loose_starts[number] : segments.loose_ends[number]])
            parts.append(Points.joined(own).in_order())
        return within(Points.joined(parts), window)


class _Segments(NamedTuple):
    """Stretches of time that hold a series' points: columns with one row each, in order of time.

    Which chunks of all and which loose points of all lie in each, whether it is one chunk alone
    (clean), and what range of times and steps it spans. The count of points is exact if it is clean.
    """

    chunk_starts: Positions
    chunk_ends: Positions
    loose_starts: Positions
    loose_ends: Positions
    are_clean: Bools
    point_counts: Ints
    first_timestamps_ms: Ints
    last_timestamps_ms: Ints
    first_steps: Ints
    last_steps: Ints

    @classmethod
    def of(cls, chunks: Sequence[ChunkRow], loose: Points) -> _Segments:
        """Return the segments of chunks in order of their first times, and loose points in order."""
        # by columns, for a series may have thousands of chunks
        table = np.array(list(zip(*chunks, strict=True))[1:6] or [()] * 5, np.int64)
        firsts, lasts = table[1:3]
        ends = np.maximum.accumulate(lasts)
        if not len(loose) and bool((firsts[1:] > ends[:-1]).all()):
            places, none = np.arange(len(chunks) + 1), np.zeros(len(chunks), np.intp)
            return cls(places[:-1], places[1:], none, none, np.ones(len(chunks), np.bool_), *table)
        # chunks that share a millisecond may hold the same point
        cluster_starts = np.flatnonzero(np.concatenate(([True] * bool(chunks), firsts[1:] > ends[:-1])))
        cluster_ends = np.append(cluster_starts[1:], len(chunks))[: len(cluster_starts)]
        # a loose point belongs to the last cluster that began before it, or to the gap after that
        before = np.searchsorted(firsts[cluster_starts], loose.timestamps_ms, "right")
        is_inside = loose.timestamps_ms <= np.concatenate(([0], ends[cluster_ends - 1]))[before]
        places = 2 * before + np.where(is_inside & (before > 0), -1, 0)
        cluster_places = 2 * np.arange(len(cluster_starts)) + 1
        segments = np.union1d(places, cluster_places)
        clusters = np.searchsorted(cluster_places, segments)
        chunk_starts = np.append(cluster_starts, len(chunks))[clusters]
        chunk_ends = np.where(segments % 2 == 1, np.append(cluster_ends, 0)[clusters], chunk_starts)
        loose_starts = np.searchsorted(places, segments, "left")
        loose_ends = np.searchsorted(places, segments, "right")
        return cls(
            chunk_starts,
            chunk_ends,
            loose_starts,
            loose_ends,
            (chunk_ends - chunk_starts == 1) & (loose_starts == loose_ends),
            *_extents(table, loose, np.stack((chunk_starts, chunk_ends, loose_starts, loose_ends))),
        )

    def extents(self, axis: Axis) -> tuple[Ints, Ints]:
        """Return the least and the greatest x of each segment."""
        if axis is Axis.STEP:
            return self.first_steps, self.last_steps
        return self.first_timestamps_ms, self.last_timestamps_ms


def _extents(table: Ints, loose: Points, ranges: Positions) -> Iterator[Ints]:
    """Yield the counts, the least and greatest times, and the least and greatest steps of segments."""
    chunk_starts, chunk_ends, loose_starts, loose_ends = ranges
    counts, *extremes = table
    yield _reduced(np.add, counts, chunk_starts, chunk_ends) + loose_ends - loose_starts
    of_loose = (loose.timestamps_ms, loose.timestamps_ms, loose.steps, loose.steps)
    for ufunc, of_chunks, own in zip(_LEAST_AND_GREATEST * 2, extremes, of_loose, strict=True):
        yield ufunc(
            _reduced(ufunc, of_chunks, chunk_starts, chunk_ends),
            _reduced(ufunc, own, loose_starts, loose_ends),
        )


def _reduced(ufunc: np.ufunc, column: Ints, starts: Positions, ends: Positions) -> Ints:
    """Reduce a column over ranges that follow one another; an empty range changes no result."""
    reduced = np.full(len(starts), _NEUTRAL[ufunc])
    has_rows = starts < ends
    reduced[has_rows] = ufunc.reduceat(column, starts[has_rows])
    return reduced
