"""Makes of a series what a chart can draw: evenly taken points, or buckets of neighbouring ones.

Points are in order as :meth:`Points.in_order` leaves them; pre-buckets stand for many of them.
"""

from __future__ import annotations

import math

import numpy as np

from runyard.entities.metric import Point
from runyard.stores.metrics.base import Axis, ThinnedSeries, Window
from runyard.stores.metrics.points import Buckets, Ints, Points, Positions
from runyard.stores.metrics.spans import SPAN, PreBuckets, Spans

_ROWS_PER_BUCKET = 4
_INT64 = np.iinfo(np.int64)


def may_snap(point_count: int, width: int, span: int = SPAN) -> bool:
    """Say whether pre-buckets of ``span`` points are fine enough for a chart of so many points."""
    return point_count >= _ROWS_PER_BUCKET * span * width


def thin(points: Points, window: Window, width: int) -> ThinnedSeries:
    """Return the points of the window in order of x, or ``width`` buckets of them if they are more."""
    found = cut(by_step(points) if window.axis is Axis.STEP else points, window)
    count = len(found)
    if count <= width:
        return ThinnedSeries(count, points=found)
    xs = found.steps if window.axis is Axis.STEP else found.timestamps_ms
    starts = _starts(xs, int(xs[-1]), width)
    return ThinnedSeries(count, buckets=_buckets(xs[starts], Spans.of(found.values, starts)))


def thin_buckets(buckets: PreBuckets, axis: Axis, width: int) -> ThinnedSeries:
    """Return ``width`` buckets made of pre-buckets, all of which lie in the window.

    A pre-bucket goes whole to the part of the x axis in which its first point lies. For the axis
    of steps, it must be true that ``buckets.is_by_step``.
    """
    if axis is Axis.STEP:
        xs, last_x = buckets.first_steps, buckets.last_step
    else:
        xs, last_x = buckets.first_timestamps_ms, buckets.last_timestamp_ms
    starts = _starts(xs, last_x, width)
    spans = buckets.spans.merged(starts)
    return ThinnedSeries(int(spans.counts.sum()), buckets=_buckets(xs[starts], spans))


def sample(points: Points, limit: int, steps: tuple[int, int] | None = None) -> Points:
    """Return at most ``limit`` points, evenly taken in order of (step, timestamp, value)."""
    found = by_step(points)
    if steps is not None:
        found = cut(found, Window(Axis.STEP, *steps))
    return found.taken(_tiles(len(found), limit))


def sample_buckets(buckets: PreBuckets, limit: int) -> Points:
    """Return ``limit`` points, each at most 63 places before the one that :func:`sample` takes.

    It must be true that ``buckets.is_by_step``, and there must be more pre-buckets than ``limit``.
    """
    ends = np.cumsum(buckets.spans.counts)
    rows = np.searchsorted(ends, _tiles(int(ends[-1]), limit), "right")
    firsts = Points(buckets.first_timestamps_ms, buckets.first_steps, buckets.spans.firsts)
    last = Point(buckets.last_timestamp_ms, buckets.last_step, float(buckets.spans.lasts[-1]))
    return Points.joined([firsts.taken(rows[:-1]), Points.of([last])])


def by_step(points: Points) -> Points:
    """Return points that are in order of time in order of (step, timestamp, value)."""
    if bool((points.steps[1:] >= points.steps[:-1]).all()):
        return points
    return points.taken(np.argsort(points.steps, kind="stable"))


def cut(points: Points, window: Window) -> Points:
    """Return the points of the window; they come in order of its x."""
    xs = points.steps if window.axis is Axis.STEP else points.timestamps_ms
    first_x, last_x = bounds_of(window)
    first = int(np.searchsorted(xs, np.int64(first_x), "left"))
    return points[first : max(first, int(np.searchsorted(xs, np.int64(last_x), "right")))]


def within(points: Points, window: Window | None) -> Points:
    """Return the points of the window in the order that they come in."""
    if window is None or not len(points):
        return points
    xs = points.steps if window.axis is Axis.STEP else points.timestamps_ms
    first_x, last_x = bounds_of(window)
    if xs.min() >= first_x and xs.max() <= last_x:
        return points
    return points.taken((xs >= first_x) & (xs <= last_x))


def bounds_of(window: Window) -> tuple[int, int]:
    """Return the first and the last whole number in a window: floats are too coarse for steps."""
    least, greatest = -math.inf if window.start is None else window.start, window.end
    greatest = math.inf if greatest is None else greatest
    if least > _INT64.max or greatest < _INT64.min:
        return _INT64.max, _INT64.min
    first = _INT64.min if least < _INT64.min else math.ceil(least)
    last = _INT64.max if greatest > _INT64.max else math.floor(greatest)
    return int(first), int(last)


def _starts(xs: Ints, last_x: int, width: int) -> Positions:
    """Cut the range of x into ``width`` equal parts, and return where those begin that hold points."""
    first_x = int(xs[0])
    span = last_x - first_x + 1
    parts = np.arange(width)
    if span * width <= _INT64.max:
        edges = first_x - (-parts * span // width)
    else:  # Python's numbers, for a range of steps may take more than 64 bits
        edges = np.array([first_x - (-part * span // width) for part in parts.tolist()], np.int64)
    starts = np.searchsorted(xs, edges)
    starts = starts[np.diff(starts, prepend=-1) > 0]
    return starts[starts < len(xs)]


def _tiles(count: int, limit: int) -> Positions:
    """Return the first position of each of ``limit`` even parts, with the end in place of the last one."""
    short, longer = divmod(count, limit)
    parts = np.arange(min(limit, count))
    positions = parts * short + np.minimum(parts, longer)
    if count and positions[-1] != count - 1:
        positions[-1] = count - 1
    return positions


def _buckets(xs: Ints, spans: Spans) -> Buckets:
    return Buckets(
        xs=xs,
        counts=spans.counts,
        firsts=spans.firsts,
        lasts=spans.lasts,
        minima=spans.minima,
        maxima=spans.maxima,
        means=spans.means,
    )
