"""Numbers, cells and columns of what a script logs, as they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

from runyard.errors import InvalidParameter
from runyard.sdk.spool.records import point_value


def number_of(value: Any, field: str) -> float:
    """Return a number of Python's or of a library's, as NumPy's and one-element tensors are."""
    if isinstance(value, Real) or (hasattr(value, "__float__") and not isinstance(value, str)):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidParameter(f"{field}={value!r} is no number: {error}") from None
    raise InvalidParameter(f"{field}={value!r} is a {type(value).__name__}, and must be a number.")


def columns_of(name: str, value: object) -> dict[str, list[Any]]:
    """Return the columns of a table as JSON has them.

    Raises:
        InvalidParameter: It has none, or they differ in length, or a cell can't be one.
    """
    if not isinstance(value, Mapping) or not value:
        raise InvalidParameter(f"value of {name!r} must have columns, as {{'x': [1, 2], 'y': [3, 4]}}.")
    columns = {
        str(key): [cell_of(each, str(key)) for each in (_listed(column))] for key, column in value.items()
    }
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise InvalidParameter(f"The columns of {name!r} differ in length: {said}.")
    return columns


def _listed(column: Any) -> list[Any]:
    if isinstance(column, str) or not hasattr(column, "__iter__"):
        return [column]
    return list(column.tolist() if hasattr(column, "tolist") else column)


def cell_of(value: Any, column: str) -> Any:
    """Return a value as JSON has it; NaN and infinities are words, as on the wire."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Real) or hasattr(value, "__float__"):
        number = number_of(value, column)
        return point_value(number)
    raise InvalidParameter(
        f"Column {column!r} has {value!r}; a cell is a number, a text, a truth value or None."
    )
