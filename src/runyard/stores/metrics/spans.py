"""What neighbouring points of a series come to: counts, first, last, least, greatest, mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from runyard.stores.metrics.points import Floats, Ints, Points, Positions

SPAN = 64
"""Points that a pre-bucket sums up; the last one of a chunk may have fewer."""


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Columns with one row for each run of neighbouring values.

    NaN counts as a point and as no value: ``minima``, ``maxima`` and ``means`` are over what is
    not NaN, and NaN where nothing is.
    """

    counts: Ints
    value_counts: Ints
    firsts: Floats
    lasts: Floats
    minima: Floats
    maxima: Floats
    means: Floats

    @classmethod
    def of(cls, values: Floats, starts: Positions) -> Spans:
        """Return what values come to, from each start to the next."""
        if not len(starts):
            return cls.of_each(values[:0])
        counts = np.diff(starts, append=len(values))
        is_nan = np.isnan(values)
        if bool(is_nan.any()):
            value_counts = counts - np.add.reduceat(is_nan, starts, dtype=np.int64)
            summands = np.where(is_nan, 0.0, values)
        else:
            value_counts, summands = counts, values
        minima, maxima = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            means = np.add.reduceat(summands, starts) / value_counts
        if bool((~np.isfinite(means) & np.isfinite(minima) & np.isfinite(maxima)).any()):
            # the sum of some is more than a float holds
            return cls.of_each(values).merged(starts)
        firsts, lasts = values[starts], values[np.append(starts[1:], len(values)) - 1]
        return cls(counts, value_counts, firsts, lasts, minima, maxima, np.clip(means, minima, maxima))

    @classmethod
    def of_each(cls, values: Floats) -> Spans:
        """Return each value as a row of its own."""
        is_value = (~np.isnan(values)).astype(np.int64)
        return cls(np.ones(len(values), np.int64), is_value, values, values, values, values, values)

    @classmethod
    def joined(cls, parts: Sequence[Spans]) -> Spans:
        """Return the rows of all parts, of which there is at least one."""
        return cls(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__)
        )

    def __len__(self) -> int:
        return len(self.counts)

    def merged(self, starts: Positions) -> Spans:
        """Return one row for the rows from each start to the next; there are some between any two."""
        if not len(starts):
            return self.taken(slice(0, 0))
        ends = np.append(starts[1:], len(self))
        value_counts = np.add.reduceat(self.value_counts, starts)
        minima = np.fmin.reduceat(self.minima, starts)
        maxima = np.fmax.reduceat(self.maxima, starts)
        with np.errstate(invalid="ignore", divide="ignore"):
            # each mean times its share, for the sum of many may be more than a float holds
            shares = self.value_counts / np.repeat(value_counts, ends - starts)
            weighted = np.where(self.value_counts > 0, self.means * shares, 0.0)
            means = np.clip(np.add.reduceat(weighted, starts), minima, maxima)
        return Spans(
            counts=np.add.reduceat(self.counts, starts),
            value_counts=value_counts,
            firsts=self.firsts[starts],
            lasts=self.lasts[ends - 1],
            minima=minima,
            maxima=maxima,
            means=np.where(value_counts > 0, means, np.nan),
        )

    def taken(self, rows: slice) -> Spans:
        """Return some of the rows."""
        return Spans(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True, slots=True, eq=False)
class PreBuckets:
    """A series in order, summed up some points at a time: what a wide chart is drawn from.

    The first point of each row is a point of the series: a time, a step and a value.

    Args:
        first_timestamps_ms: When the first point of each row was logged.
        first_steps: The step of the first point of each row.
        spans: What the values of each row come to.
        last_timestamp_ms: When the last point of the last row was logged.
        last_step: The step of the last point of the last row.
        is_by_step: Whether steps never fall, so that rows are in order of steps too.
    """

    first_timestamps_ms: Ints
    first_steps: Ints
    spans: Spans
    last_timestamp_ms: int
    last_step: int
    is_by_step: bool

    @classmethod
    def of(cls, points: Points, span: int = SPAN) -> PreBuckets:
        """Return the pre-buckets of points, at least one and in order, ``span`` points a row."""
        starts = np.arange(0, len(points), span)
        return cls(
            first_timestamps_ms=points.timestamps_ms[starts],
            first_steps=points.steps[starts],
            spans=Spans.of(points.values, starts),
            last_timestamp_ms=int(points.timestamps_ms[-1]),
            last_step=int(points.steps[-1]),
            is_by_step=bool((points.steps[1:] >= points.steps[:-1]).all()),
        )

    @classmethod
    def joined(cls, parts: Sequence[PreBuckets]) -> PreBuckets:
        """Return the rows of all parts of a series, of which there is at least one."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            first_timestamps_ms=np.concatenate([part.first_timestamps_ms for part in parts]),
            first_steps=np.concatenate([part.first_steps for part in parts]),
            spans=Spans.joined([part.spans for part in parts]),
            last_timestamp_ms=parts[-1].last_timestamp_ms,
            last_step=parts[-1].last_step,
            is_by_step=all(part.is_by_step for part in parts)
            and all(after.first_steps[0] >= part.last_step for part, after in pairwise(parts)),
        )

    def __len__(self) -> int:
        return len(self.spans)
