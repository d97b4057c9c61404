"""A line of a chart in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

_LEVELS = "▁▂▃▄▅▆▇█"
_GAP = " "


def sparkline(values: Sequence[float], width: int) -> str:
    """Return ``values`` as at most ``width`` blocks, the lowest value as the lowest one.

    Several values that share a block are drawn as their mean; NaN leaves a gap; infinities are at the edge.

    Example:
        >>> sparkline([0, 1, 2, 3], width=4)
        '▁▃▆█'
    """
    columns = [_mean(values[start:end]) for start, end in _shares(len(values), width)]
    finite = [value for value in columns if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return "".join(_block(value, low, high) for value in columns)


def _shares(count: int, width: int) -> list[tuple[int, int]]:
    """Cut ``count`` values into at most ``width`` runs of about equal length."""
    columns = min(count, width)
    return [(index * count // columns, (index + 1) * count // columns) for index in range(columns)]


def _mean(values: Sequence[float]) -> float:
    numbers = [value for value in values if not math.isnan(value)]
    if not numbers:
        return math.nan
    # Divided first: the sum of large numbers could overflow.
    return math.fsum(value / len(numbers) for value in numbers) if _all_finite(numbers) else numbers[-1]


def _all_finite(values: Sequence[float]) -> bool:
    return all(math.isfinite(value) for value in values)


def _block(value: float, low: float, high: float) -> str:
    if math.isnan(value):
        return _GAP
    if math.isinf(value):
        return _LEVELS[-1] if value > 0 else _LEVELS[0]
    # Halved, so that the span of the largest numbers is still one.
    span = high / 2 - low / 2
    share = (value / 2 - low / 2) / span if span > 0 else 0.0
    return _LEVELS[min(len(_LEVELS) - 1, int(share * len(_LEVELS)))]
