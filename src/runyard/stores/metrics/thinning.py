"""Makes of a series what a chart can draw: evenly taken points, or buckets of neighbouring ones.

Points are in order as :meth:`Points.in_order` leaves them; pre-buckets stand for many of them.
"""

from __future__ import annotations

import math

import numpy as np

from runyard.stores.metrics.base import Axis, ThinnedSeries, Window
from runyard.stores.metrics.points import Buckets, Ints, Points, Positions
from runyard.stores.metrics.spans import SPAN, PreBuckets, Spans

SNAPS_FROM = 4 * SPAN
"""Points for each one that is drawn from which pre-buckets are fine enough."""
_INT64 = np.iinfo(np.int64)


def may_snap(point_count: int, drawn: int) -> bool:
    """Say whether a chart of so many points may be made from pre-buckets."""
    return point_count >= SNAPS_FROM * drawn


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
        xs, last_xs = buckets.first_steps, buckets.last_steps
    else:
        xs, last_xs = buckets.first_timestamps_ms, buckets.last_timestamps_ms
    starts = _starts(xs, int(last_xs[-1]), width)
    spans = buckets.spans.merged(starts)
    return ThinnedSeries(int(spans.counts.sum()), buckets=_buckets(xs[starts], spans))


def sample(points: Points, limit: int, steps: tuple[int, int] | None = None) -> Points:
    """Return at most ``limit`` points, evenly taken in order of (step, timestamp, value)."""
    found = by_step(points)
    if steps is not None:
        found = cut(found, Window(Axis.STEP, *steps))
    return found.taken(_tiles(len(found), limit))


def sample_buckets(buckets: PreBuckets, limit: int) -> Points:
    """Return ``limit`` points, taken to within 64 points as evenly as :func:`sample` does.

    It must be true that ``buckets.is_by_step``, and there must be more pre-buckets than ``limit``.
    """
    rows = _tiles(len(buckets), limit)
    firsts = Points(buckets.first_timestamps_ms, buckets.first_steps, buckets.spans.firsts)
    lasts = Points(buckets.last_timestamps_ms, buckets.last_steps, buckets.spans.lasts)
    return Points.joined([firsts.taken(rows[:-1]), lasts[-1:]])


def by_step(points: Points) -> Points:
    """Return points that are in order of time in order of (step, timestamp, value)."""
    if bool((points.steps[1:] >= points.steps[:-1]).all()):
        return points
    return points.taken(np.argsort(points.steps, kind="stable"))


def cut(points: Points, window: Window) -> Points:
    """Return the points of the window; they come in order of its x."""
    xs = points.steps if window.axis is Axis.STEP else points.timestamps_ms
    first = 0 if window.start is None else _position(xs, window.start, is_end=False)
    end = len(xs) if window.end is None else _position(xs, window.end, is_end=True)
    return points[first : max(first, end)]


def _position(xs: Ints, x: float, *, is_end: bool) -> int:
    """Return where the window begins or ends, by whole numbers: floats are too coarse for steps."""
    if math.isinf(x):
        return len(xs) if x > 0 else 0
    whole = math.floor(x) if is_end else math.ceil(x)
    if not _INT64.min <= whole <= _INT64.max:
        return len(xs) if whole > 0 else 0
    return int(np.searchsorted(xs, np.int64(whole), "right" if is_end else "left"))


def _starts(xs: Ints, last_x: int, width: int) -> Positions:
    """Cut the range of x into ``width`` equal parts, and return where those begin that hold points."""
    first_x = int(xs[0])
    span = last_x - first_x + 1
    # Python's numbers, for a range of steps may take more than 64 bits
    edges = [first_x - (-part * span // width) for part in range(width)]
    edges = [edge for edge in edges if edge <= last_x]
    starts = np.unique(np.searchsorted(xs, np.array(edges, np.int64)))
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
