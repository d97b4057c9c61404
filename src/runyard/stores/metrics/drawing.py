"""Draws series of a run: from pre-buckets where a chart can't tell the difference, else from all points."""

from __future__ import annotations

from runyard.stores.metrics.base import Axis, ThinnedSeries, Window
from runyard.stores.metrics.points import Points
from runyard.stores.metrics.reading import ChunkRow, RunReader, follow_one_another
from runyard.stores.metrics.spans import PreBuckets
from runyard.stores.metrics.thinning import by_step, cut, may_snap, sample, sample_buckets, thin, thin_buckets


def thin_series(reader: RunReader, key: str, key_id: int | None, window: Window, width: int) -> ThinnedSeries:
    """Return what a chart ``width`` points wide draws of a window of one series."""
    buckets = _buckets_within(reader, key, key_id, window, width)
    if buckets is not None:
        return thin_buckets(buckets, window.axis, width)
    return thin(reader.read_part(key, key_id), window, width)


def sample_series(
    reader: RunReader, key: str, key_id: int | None, limit: int, steps: tuple[int, int] | None
) -> Points:
    """Return at most ``limit`` evenly taken points of one series."""
    window = Window(Axis.STEP) if steps is None else Window(Axis.STEP, *steps)
    buckets = _buckets_within(reader, key, key_id, window, limit)
    if buckets is not None:
        return sample_buckets(buckets, limit)
    return sample(reader.read_part(key, key_id), limit, steps)


def _buckets_within(
    reader: RunReader, key: str, key_id: int | None, window: Window, drawn: int
) -> PreBuckets | None:
    """Return the pre-buckets of a window, if there are enough of them for what is to be drawn."""
    rows = [row for row in reader.list_chunks(key_id) if not _lies_outside(row, window)]
    if not may_snap(sum(row.point_count for row in rows), drawn):
        return None
    loose = reader.read_loose(key, key_id)
    if not follow_one_another(rows, loose):
        return None
    inside = [row for row in rows if _lies_inside(row, window)]
    parts = dict(zip(inside, reader.read_buckets(inside), strict=True))
    at_the_edge = [row for row in rows if row not in parts]
    opened = dict(zip(at_the_edge, reader.open_chunks(at_the_edge), strict=True))
    made = [parts[row] if row in parts else _cut_buckets(opened[row], window) for row in rows]
    joined = PreBuckets.joined([*made, _cut_buckets(loose, window)])
    is_ordered = joined.is_by_step or window.axis is Axis.TIME
    return joined if is_ordered and may_snap(int(joined.spans.counts.sum()), drawn) else None


def _cut_buckets(points: Points, window: Window) -> PreBuckets:
    return PreBuckets.of(cut(by_step(points) if window.axis is Axis.STEP else points, window))


def _extent(row: ChunkRow, window: Window) -> tuple[int, int]:
    if window.axis is Axis.STEP:
        return row.first_step, row.last_step
    return row.first_timestamp_ms, row.last_timestamp_ms


def _lies_outside(row: ChunkRow, window: Window) -> bool:
    first, last = _extent(row, window)
    return (window.start is not None and last < window.start) or (
        window.end is not None and first > window.end
    )


def _lies_inside(row: ChunkRow, window: Window) -> bool:
    first, last = _extent(row, window)
    return (window.start is None or first >= window.start) and (window.end is None or last <= window.end)
