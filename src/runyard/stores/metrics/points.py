"""Points of one series as columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from runyard.entities.metric import Bucket, Point

Bools: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Positions: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Points(Sequence[Point]):
    """Points of one series: three columns of one length, which nobody changes.

    A sequence of :class:`Point` besides. Two are equal if they hold the same points in the same
    order; NaN is equal to NaN, and -0.0 to 0.0.
    """

    timestamps_ms: Ints
    steps: Ints
    values: Floats

    @classmethod
    def of(cls, points: Iterable[Point]) -> Points:
        """Return points as columns, in the order that they come in."""
        columns = list(zip(*points, strict=True)) or [(), (), ()]
        timestamps_ms, steps, values = columns
        return cls(np.array(timestamps_ms, np.int64), np.array(steps, np.int64), np.array(values, np.float64))

    @classmethod
    def empty(cls) -> Points:
        """Return no points."""
        return cls.of(())

    @classmethod
    def joined(cls, parts: Sequence[Points]) -> Points:
        """Return the points of all parts, one part after the other."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls.empty()
        return cls(
            np.concatenate([part.timestamps_ms for part in parts]),
            np.concatenate([part.steps for part in parts]),
            np.concatenate([part.values for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, index: int) -> Point: ...

    @overload
    def __getitem__(self, index: slice) -> Points: ...

    def __getitem__(self, index: int | slice) -> Point | Points:
        if isinstance(index, slice):
            return Points(self.timestamps_ms[index], self.steps[index], self.values[index])
        return Point(int(self.timestamps_ms[index]), int(self.steps[index]), float(self.values[index]))

    def __iter__(self) -> Iterator[Point]:
        columns = (self.timestamps_ms.tolist(), self.steps.tolist(), self.values.tolist())
        return map(Point, *columns)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Points):
            if not isinstance(other, Sequence) or not all(isinstance(point, Point) for point in other):
                return NotImplemented
            other = Points.of(other)
        return (
            np.array_equal(self.timestamps_ms, other.timestamps_ms)
            and np.array_equal(self.steps, other.steps)
            and np.array_equal(self.values, other.values, equal_nan=True)
        )

    def __hash__(self) -> int:
        raise TypeError("points can't be hashed")

    def taken(self, positions: Positions | Bools) -> Points:
        """Return the points at these positions, or those for which a mask is true."""
        return Points(self.timestamps_ms[positions], self.steps[positions], self.values[positions])

    def in_order(self) -> Points:
        """Return the points in order of (timestamp, step, value), each point once.

        NaN counts as 0 in the order and comes after it. Points that are in order already, as
        they nearly always are, cost the check alone.
        """
        times = self.timestamps_ms
        if bool((times[1:] > times[:-1]).all()):
            return self
        if bool(_rises(self).all()):
            return self
        ordered = self.taken(_order(self))
        return ordered.taken(np.concatenate(([True], _rises(ordered))))


@dataclass(frozen=True, slots=True, eq=False)
class Buckets(Sequence[Bucket]):
    """Buckets of a chart's line: columns of one length, and a sequence of :class:`Bucket` besides."""

    xs: Ints
    counts: Ints
    firsts: Floats
    lasts: Floats
    minima: Floats
    maxima: Floats
    means: Floats

    @classmethod
    def empty(cls) -> Buckets:
        """Return no buckets."""
        whole, values = np.empty(0, np.int64), np.empty(0, np.float64)
        return cls(whole, whole, values, values, values, values, values)

    def __len__(self) -> int:
        return len(self.xs)

    @overload
    def __getitem__(self, index: int) -> Bucket: ...

    @overload
    def __getitem__(self, index: slice) -> Buckets: ...

    def __getitem__(self, index: int | slice) -> Bucket | Buckets:
        columns = (getattr(self, name)[index] for name in self.__dataclass_fields__)
        if isinstance(index, slice):
            return Buckets(*columns)
        return Bucket(*(column.item() for column in columns))


def without_nan(values: Floats) -> Floats:
    """Return values with 0 in place of NaN, as they are compared."""
    return np.where(np.isnan(values), 0.0, values)


def _rises(points: Points) -> Bools:
    """Say of each point but the first whether it comes after the one before it."""
    times, steps, values = points.timestamps_ms, points.steps, without_nan(points.values)
    is_nan = np.isnan(points.values)
    rises: Bools = ~is_nan[:-1] & is_nan[1:]
    for column in (values, steps, times):
        before, after = column[:-1], column[1:]
        rises = (after > before) | ((after == before) & rises)
    return rises


def _order(points: Points) -> Positions:
    # Late points are few, so that sorting by time finds long runs in order and takes little; only
    # what shares its time with a neighbour is compared by the rest.
    order = np.argsort(points.timestamps_ms, kind="stable")
    times = points.timestamps_ms[order]
    is_tie = times[1:] == times[:-1]
    ties = np.flatnonzero(np.concatenate((is_tie, [False])) | np.concatenate(([False], is_tie)))
    tied = points.taken(order[ties])
    keys = (np.isnan(tied.values), without_nan(tied.values), tied.steps, tied.timestamps_ms)
    order[ties] = order[ties][np.lexsort(keys)]
    return order
