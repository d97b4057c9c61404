"""Sums up neighbouring points of a series for a chart that can't draw each of them."""

from __future__ import annotations

import math

from runyard.entities.metric import Bucket

_DOWN = 2.0**-64
"""Keeps the sum of any number of values below what a float holds, without rounding them."""


class BucketMaker:
    """Takes points in order of x and returns their bucket; NaN counts as a point and as no value."""

    def __init__(self) -> None:
        self._x = 0.0
        self._count = 0
        self._value_count = 0
        self._scaled_sum = 0.0
        self._minimum = self._maximum = self._first = self._last = math.nan

    def add(self, x: float, value: float) -> None:
        """Take the next point."""
        if not self._count:
            self._x, self._first = x, value
        self._count += 1
        self._last = value
        if math.isnan(value):
            return
        self._value_count += 1
        self._scaled_sum += value * _DOWN
        # written so that the first value replaces NaN
        self._minimum = self._minimum if self._minimum <= value else value
        self._maximum = self._maximum if self._maximum >= value else value

    def bucket(self) -> Bucket:
        """Return what was taken; without a value, minimum, maximum and mean are NaN."""
        return Bucket(
            x=self._x,
            count=self._count,
            first=self._first,
            last=self._last,
            minimum=self._minimum,
            maximum=self._maximum,
            mean=self._mean(),
        )

    def _mean(self) -> float:
        if not self._value_count:
            return math.nan
        mean = self._scaled_sum / self._value_count / _DOWN
        return max(min(mean, self._maximum), self._minimum)
