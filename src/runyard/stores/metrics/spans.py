"""What neighbouring points of a series come to: counts, first, last, least, greatest, mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
        is_value = (~np.isnan(values)).astype(np.int64)
        ones = np.ones(len(values), np.int64)
        return cls(ones, is_value, values, values, values, values, values).merged(starts)

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
            # each mean times its share, for the sum of many values may be more than a float holds
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
    """A series in order, summed up 64 points at a time: what a wide chart is drawn from.

    The first and the last point of each row are points of the series: a time, a step and a value.
    ``is_by_step`` says that steps never fall, so that rows are in order of steps too.
    """

    first_timestamps_ms: Ints
    last_timestamps_ms: Ints
    first_steps: Ints
    last_steps: Ints
    spans: Spans
    is_by_step: bool

    @classmethod
    def of(cls, points: Points) -> PreBuckets:
        """Return the pre-buckets of points that are in order."""
        starts = np.arange(0, len(points), SPAN)
        lasts = np.append(starts[1:], len(points)) - 1 if len(starts) else starts
        return cls(
            first_timestamps_ms=points.timestamps_ms[starts],
            last_timestamps_ms=points.timestamps_ms[lasts],
            first_steps=points.steps[starts],
            last_steps=points.steps[lasts],
            spans=Spans.of(points.values, starts),
            is_by_step=bool((points.steps[1:] >= points.steps[:-1]).all()),
        )

    @classmethod
    def joined(cls, parts: Sequence[PreBuckets]) -> PreBuckets:
        """Return the rows of all parts, of which there is at least one."""
        if len(parts) == 1:
            return parts[0]
        first_steps = np.concatenate([part.first_steps for part in parts])
        last_steps = np.concatenate([part.last_steps for part in parts])
        return cls(
            first_timestamps_ms=np.concatenate([part.first_timestamps_ms for part in parts]),
            last_timestamps_ms=np.concatenate([part.last_timestamps_ms for part in parts]),
            first_steps=first_steps,
            last_steps=last_steps,
            spans=Spans.joined([part.spans for part in parts]),
            is_by_step=all(part.is_by_step for part in parts)
            and bool((first_steps[1:] >= last_steps[:-1]).all()),
        )

    def __len__(self) -> int:
        return len(self.spans)
