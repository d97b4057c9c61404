"""What callers of the SDK give where Python does not look: texts, pairs, lists, numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

from runyard.errors import InvalidParameter


def text(given: object, parameter: str) -> str:
    """Return what is a text.

    Raises:
        InvalidParameter: It is something else.

    Example:
        >>> text("loss", "name")
        'loss'
    """
    if not isinstance(given, str):
        raise InvalidParameter(f"{parameter} must be a text, not {shown(given)}.")
    return given


def optional_text(given: object, parameter: str) -> str | None:
    """Return what is a text, or None if nothing was given.

    Raises:
        InvalidParameter: It is something else.
    """
    return None if given is None else text(given, parameter)


def optional_path(given: Any, parameter: str) -> Any:
    """Return what is a path of this machine, or None if nothing was given.

    Raises:
        InvalidParameter: It is something else.
    """
    if given is not None and not isinstance(given, str | os.PathLike):
        raise InvalidParameter(f"{parameter} must be a path, not {shown(given)}.")
    return given


def pairs(given: object, parameter: str) -> Mapping[str, Any]:
    """Return what has values by names.

    Raises:
        InvalidParameter: It is something else.
    """
    if not isinstance(given, Mapping):
        raise InvalidParameter(
            f"{parameter} must have values by names, as {{'team': 'robots'}}, not {shown(given)}."
        )
    return given


def listed(given: Any, parameter: str) -> Sequence[Any]:
    """Return what has several things in an order, as a list; a text is one thing.

    Raises:
        InvalidParameter: It is something else.
    """
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise InvalidParameter(f"{parameter} must be a list, not {shown(given)}.")
    return list(given)


def number(given: object, parameter: str) -> float:
    """Return what is a number, one of NumPy's too.

    Raises:
        InvalidParameter: It is something else.
    """
    if not isinstance(given, bool):
        if isinstance(given, int | float):
            return given
        if isinstance(given, Real):
            return float(given)
    raise InvalidParameter(f"{parameter} must be a number, not {shown(given)}.")


def whole_number(given: object, parameter: str) -> int:
    """Return what is a whole number.

    Raises:
        InvalidParameter: It is something else.
    """
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        raise InvalidParameter(f"{parameter} must be a whole number, not {shown(given)}.")
    return int(given.__index__())


def shown(given: object) -> str:
    """Return what was given for an error, cut where it is long."""
    said = repr(given)
    return said if len(said) <= 100 else f"{said[:100]}…"
