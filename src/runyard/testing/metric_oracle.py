"""What a metric store must answer, worked out from the points by brute force."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

from runyard.entities.metric import Bucket, Point
from runyard.stores.metrics.base import Axis

Identity = tuple[int, int, float | str]


def identity(point: Point) -> Identity:
    """Return what makes a point the same as another; unlike floats, two NaN are."""
    value: float | str = "NaN" if math.isnan(point.value) else point.value + 0.0
    return (point.timestamp_ms, point.step, value)


def x_of(point: Point, axis: Axis) -> int:
    """Return where a point lies on an axis."""
    return point.step if axis is Axis.STEP else point.timestamp_ms


def identities(points: Iterable[Point]) -> set[Identity]:
    """Return the identities of points, for comparisons in which their order does not count."""
    return {identity(point) for point in points}


def as_ordered(value: float) -> float:
    """Return what a value counts as where values are put in order."""
    return 0.0 if math.isnan(value) else value


def latest_of(points: Iterable[Point]) -> tuple[int, int, float]:
    """Return the greatest (step, timestamp, value) by brute force, NaN counting as 0."""
    return max((point.step, point.timestamp_ms, as_ordered(point.value)) for point in points)


def tiles(points: Sequence[Point], limit: int) -> list[Point]:
    """Return MLflow's sample: the first of each of ``limit`` even parts, and the end."""
    ordered = sorted(points, key=lambda point: (point.step, point.timestamp_ms, as_ordered(point.value)))
    short, longer = divmod(len(ordered), limit)
    starts = [number * short + min(number, longer) for number in range(min(limit, len(ordered)))]
    sample = [ordered[start] for start in starts]
    if starts and starts[-1] != len(ordered) - 1:
        sample = [*sample[: limit - 1], ordered[-1]]
    return sample


def check_bucket(bucket: Bucket, points: Sequence[Point]) -> None:
    """Fail unless a bucket says the truth about the points that it stands for.

    Args:
        bucket: What the store made of them.
        points: The points in order of x.
    """
    real = [point.value for point in points if not math.isnan(point.value)]
    assert bucket.count == len(points)
    assert repr((bucket.first, bucket.last)) == repr((points[0].value, points[-1].value))
    if not real:
        assert all(map(math.isnan, (bucket.minimum, bucket.maximum, bucket.mean)))
        return
    assert (bucket.minimum, bucket.maximum) == (min(real), max(real))
    if math.inf in real or -math.inf in real:
        assert repr(bucket.mean) == repr(sum(value for value in real if math.isinf(value)))
    else:
        exact = [Fraction(value) for value in real]
        mean = sum(exact, Fraction()) / len(exact)
        assert abs(Fraction(bucket.mean) - mean) <= max(map(abs, exact)) / 10**9
