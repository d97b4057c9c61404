"""Where the values of a sweep's parameters come from, in the words of Azure's first SDK."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from runyard.errors import InvalidParameter
from runyard.sdk.arguments import number, shown, whole_number
from runyard.sdk.sweep_config import Parameter


def choice(*options: Any) -> list[Any]:
    """Return one of some values, which may also be given as one list or range.

    Example:
        >>> choice(16, 32), choice(range(2))
        ([16, 32], [0, 1])
    """
    if len(options) == 1 and not isinstance(options[0], str) and isinstance(options[0], Iterable):
        return list(options[0])
    return list(options)


def randint(upper: int) -> Parameter:
    """Return a whole number from 0 up to, and without, ``upper``.

    Example:
        >>> randint(8)
        {'low': 0, 'high': 7}
    """
    highest = whole_number(upper, "upper") - 1
    if highest < 0:
        raise InvalidParameter(f"upper must be at least 1, not {upper}.")
    return {"low": 0, "high": highest} if highest else [0]


def uniform(min_value: float, max_value: float) -> Parameter:
    """Return any number between two.

    Example:
        >>> uniform(0, 1)
        {'low': 0.0, 'high': 1.0, 'step': 0}
    """
    return quniform(min_value, max_value, 0)


def quniform(min_value: float, max_value: float, q: float) -> Parameter:
    """Return a multiple of ``q`` between two numbers.

    Example:
        >>> quniform(0, 1, 0.25)
        {'low': 0.0, 'high': 1.0, 'step': 0.25}
    """
    low, high = number(min_value, "min_value"), number(max_value, "max_value")
    return {"low": float(low), "high": float(high), "step": number(q, "q")}


def loguniform(min_value: float, max_value: float) -> Parameter:
    """Return a number whose logarithm lies anywhere between two: the bounds are exponents of e.

    Example:
        >>> loguniform(-2, 0)['high']
        1.0
    """
    return qloguniform(min_value, max_value, 0)


def qloguniform(min_value: float, max_value: float, q: float) -> Parameter:
    """Return a multiple of ``q`` whose logarithm lies between two numbers.

    Example:
        >>> qloguniform(0, 2, 1)['low']
        1.0
    """
    low, high = _power(min_value, "min_value"), _power(max_value, "max_value")
    return {"low": low, "high": high, "log": True, "step": number(q, "q")}


def normal(mu: float, sigma: float) -> Parameter:
    """Return a number around a mean.

    Example:
        >>> normal(10, 3)
        {'mean': 10, 'deviation': 3, 'step': 0}
    """
    return qnormal(mu, sigma, 0)


def qnormal(mu: float, sigma: float, q: float) -> dict[str, object]:
    """Return a multiple of ``q`` around a mean.

    Example:
        >>> qnormal(10, 3, 1)
        {'mean': 10, 'deviation': 3, 'step': 1}
    """
    return {"mean": number(mu, "mu"), "deviation": number(sigma, "sigma"), "step": number(q, "q")}


def lognormal(mu: float, sigma: float) -> Parameter:
    """Return a number whose logarithm is around a mean.

    Example:
        >>> lognormal(0, 1)
        {'mean': 0, 'deviation': 1, 'step': 0, 'log': True}
    """
    return qlognormal(mu, sigma, 0)


def qlognormal(mu: float, sigma: float, q: float) -> Parameter:
    """Return a multiple of ``q`` whose logarithm is around a mean.

    Example:
        >>> qlognormal(0, 1, 2)
        {'mean': 0, 'deviation': 1, 'step': 2, 'log': True}
    """
    return {**qnormal(mu, sigma, q), "log": True}


def _power(exponent: object, parameter: str) -> float:
    """Return a power of e.

    Raises:
        InvalidParameter: The exponent is no number, or so large that nothing can hold the power.
    """
    try:
        return math.exp(number(exponent, parameter))
    except OverflowError:
        raise InvalidParameter(
            f"{parameter} is an exponent of e, and must be at most 709, not {shown(exponent)}."
        ) from None
