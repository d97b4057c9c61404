"""What the store keeps of each series beside its points: the latest one, the least and the greatest value.

Joining is idempotent and takes batches in any order, any number of times: a batch that is joined
again, by a restart or by another replica, changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from runyard.entities.metric import MetricBatch
from runyard.stores.metrics.packing import PackedBatch, number_keys
from runyard.stores.metrics.points import Bools, Ints, Points, Positions, without_nan

_VECTORISED_FROM = 64
"""Points from which numpy is faster than a dictionary."""


@dataclass(slots=True)
class Summary:
    """The latest point of a series, and its least and greatest value.

    The latest point is the greatest by (step, timestamp, value), where NaN counts as 0 and comes
    after it, as in a history. ``minimum`` and ``maximum`` are ``None`` while all values are NaN.
    """

    last_step: int
    last_timestamp_ms: int
    last_value: float
    minimum: float | None
    maximum: float | None

    @classmethod
    def of_point(cls, step: int, timestamp_ms: int, value: float) -> Summary:
        """Return the summary of a series of one point."""
        extreme = None if math.isnan(value) else value
        return cls(step, timestamp_ms, value, extreme, extreme)

    def join(self, other: Summary) -> None:
        """Take in the summary of other points of the same series."""
        if _is_later(other, self):
            self.last_step = other.last_step
            self.last_timestamp_ms = other.last_timestamp_ms
            self.last_value = other.last_value
        if other.minimum is None or other.maximum is None:
            return
        if self.minimum is None or other.minimum < self.minimum:
            self.minimum = other.minimum
        if self.maximum is None or other.maximum > self.maximum:
            self.maximum = other.maximum


def summarise(batches: Iterable[MetricBatch | PackedBatch]) -> dict[str, Summary]:
    """Return the summaries of the series in batches of one run, by key."""
    summaries: dict[str, Summary] = {}
    large: list[PackedBatch] = []
    for batch in batches:
        if isinstance(batch, PackedBatch) and len(batch) >= _VECTORISED_FROM:
            large.append(batch)
        else:
            join_batch(summaries, batch)
    if large:
        join_summaries(summaries, _summarise_columns(large))
    return summaries


def join_summaries(summaries: dict[str, Summary], others: dict[str, Summary]) -> None:
    """Take the summaries of other points of the same run into ``summaries``."""
    for key, other in others.items():
        known = summaries.get(key)
        if known is None:
            summaries[key] = other
        else:
            known.join(other)


def join_batch(summaries: dict[str, Summary], batch: MetricBatch | PackedBatch) -> None:
    """Take the points of one batch into the summaries of its run."""
    if isinstance(batch, PackedBatch):
        names = batch.keys
        keys = [names[index] for index in batch.key_indexes.tolist()]
        columns = (batch.steps.tolist(), batch.timestamps_ms.tolist(), batch.values.tolist())
    else:
        keys, columns = batch.keys, (batch.steps, batch.timestamps_ms, batch.values)
    for key, step, timestamp_ms, value in zip(keys, *columns, strict=True):
        known = summaries.get(key)
        if known is None:
            summaries[key] = Summary.of_point(step, timestamp_ms, value)
        elif (
            step > known.last_step
            and known.minimum is not None
            and known.maximum is not None
            and known.minimum <= value <= known.maximum
        ):
            # nearly every point of a training: a later one between the extremes
            known.last_step, known.last_timestamp_ms, known.last_value = step, timestamp_ms, value
        else:
            known.join(Summary.of_point(step, timestamp_ms, value))


def summarise_points(points: Points) -> Summary:
    """Return the summary of one series, which has points."""
    (summary,) = _summaries(points, np.zeros(1, np.intp))
    return summary


def _is_later(one: Summary, other: Summary) -> bool:
    if one.last_step != other.last_step:
        return one.last_step > other.last_step
    if one.last_timestamp_ms != other.last_timestamp_ms:
        return one.last_timestamp_ms > other.last_timestamp_ms
    return _rank(one.last_value) > _rank(other.last_value)


def _rank(value: float) -> tuple[float, bool]:
    return (0.0, True) if math.isnan(value) else (value, False)


def _summarise_columns(batches: list[PackedBatch]) -> dict[str, Summary]:
    numbers, indexes = number_keys(batches)
    points = Points.joined([batch.points() for batch in batches])
    if bool((indexes[1:] < indexes[:-1]).any()):
        order = np.argsort(indexes, kind="stable")
        indexes, points = indexes[order], points.taken(order)
    starts = np.searchsorted(indexes, np.arange(len(numbers)))
    return dict(zip(numbers, _summaries(points, starts), strict=True))


def _summaries(points: Points, starts: Positions) -> Iterable[Summary]:
    """Return the summary of each series; the points of one come after those of another."""
    values = points.values
    counts = np.diff(starts, append=len(points))
    last_steps, is_last = _greatest(points.steps, np.ones(len(points), np.bool_), starts, counts)
    last_times, is_last = _greatest(points.timestamps_ms, is_last, starts, counts)
    comparable = np.where(is_last, without_nan(values), -np.inf)
    last_values = np.maximum.reduceat(comparable, starts)
    is_last &= comparable == np.repeat(last_values, counts)
    last_values[np.logical_or.reduceat(is_last & np.isnan(values), starts)] = np.nan
    minima = np.fmin.reduceat(values, starts)
    maxima = np.fmax.reduceat(values, starts)
    lasts = (last_steps.tolist(), last_times.tolist(), last_values.tolist())
    return map(Summary, *lasts, _or_none(minima.tolist()), _or_none(maxima.tolist()))


def _greatest(column: Ints, among: Bools, starts: Positions, counts: Ints) -> tuple[Ints, Bools]:
    comparable = np.where(among, column, np.iinfo(np.int64).min)
    greatest = np.maximum.reduceat(comparable, starts)
    return greatest, among & (column == np.repeat(greatest, counts))


def _or_none(values: list[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values]
