"""Charts in the JSON that Azure's first SDK has for them: confusion matrices, residuals and the like.

Each is ``{"schema_type": ..., "schema_version": ..., "data": {...}}``. They are checked when they are logged,
for what can't be drawn is found out too late otherwise.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from runyard.errors import InvalidParameter

CONFUSION_MATRIX = "confusion_matrix"
ACCURACY_TABLE = "accuracy_table"
RESIDUALS = "residuals"
PREDICTIONS = "predictions"

MAX_CHART_BYTES = 10_000_000
_COUNTS = 4  # true positives, false positives, true negatives, false negatives


def checked_chart(schema_type: str, value: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return a chart as it is kept, once it is known that it can be drawn.

    Args:
        schema_type: Which chart it is to be.
        value: The chart, or its JSON.

    Raises:
        InvalidParameter: It is no such chart; the message names the field, what it is and what it must be.

    Example:
        >>> data = {"class_labels": ["cat", "dog"], "matrix": [[9, 1], [2, 8]]}
        >>> value = {"schema_type": "confusion_matrix", "schema_version": "v1", "data": data}
        >>> checked_chart("confusion_matrix", value)["data"]["matrix"]
        [[9, 1], [2, 8]]
    """
    chart = _parsed(value)
    if chart.get("schema_type") != schema_type:
        raise InvalidParameter(f"schema_type is {chart.get('schema_type')!r}, and must be {schema_type!r}.")
    if not isinstance(chart.get("schema_version"), str):
        raise InvalidParameter(f"schema_version is {chart.get('schema_version')!r}, and must be a text.")
    data = chart.get("data")
    if not isinstance(data, Mapping):
        raise InvalidParameter(f"data is {_shown(data)}, and must be an object.")
    _CHECKS[schema_type](data)
    return {"schema_type": schema_type, "schema_version": chart["schema_version"], "data": dict(data)}


def _parsed(value: object) -> Mapping[str, Any]:
    if isinstance(value, str):
        if len(value) > MAX_CHART_BYTES:
            raise InvalidParameter(f"value has {len(value)} characters; the limit is {MAX_CHART_BYTES}.")
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise InvalidParameter(f"value is no JSON: {error}") from None
    if not isinstance(value, Mapping):
        raise InvalidParameter(f"value is {_shown(value)}, and must be an object or its JSON.")
    return value


def _check_confusion_matrix(data: Mapping[str, Any]) -> None:
    labels = _list(data, "class_labels")
    _check_rows(_list(data, "matrix"), "matrix", len(labels), len(labels))


def _check_residuals(data: Mapping[str, Any]) -> None:
    _check_bins(data, "bin_counts")


def _check_predictions(data: Mapping[str, Any]) -> None:
    _check_bins(data, "bin_counts", "bin_averages", "bin_errors")


def _check_accuracy_table(data: Mapping[str, Any]) -> None:
    classes = len(_list(data, "class_labels"))
    for kind in ("probability", "percentile"):
        thresholds = _numbers(_list(data, f"{kind}_thresholds"), f"{kind}_thresholds")
        field = f"{kind}_tables"
        tables = _list(data, field)
        if len(tables) != classes:
            raise InvalidParameter(f"{field} has {len(tables)} tables for {classes} class_labels.")
        for number, table in enumerate(tables):
            _check_rows(table, f"{field}[{number}]", len(thresholds), _COUNTS)


def _check_bins(data: Mapping[str, Any], *fields: str) -> None:
    edges = _numbers(_list(data, "bin_edges"), "bin_edges")
    if any(later < earlier for earlier, later in itertools.pairwise(edges)):
        raise InvalidParameter("bin_edges must go up.")
    for field in fields:
        found = len(_numbers(_list(data, field), field))
        if found != len(edges) - 1:
            raise InvalidParameter(
                f"{field} has {found} numbers for {len(edges)} bin_edges, and must have one less than these."
            )


def _check_rows(rows: object, field: str, height: int, width: int) -> None:
    if not isinstance(rows, list) or len(rows) != height:
        found = len(rows) if isinstance(rows, list) else _shown(rows)
        raise InvalidParameter(f"{field} has {found} rows, and must have {height}.")
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != width:
            raise InvalidParameter(f"{field}[{number}] is {_shown(row)}, and must have {width} numbers.")
        _numbers(row, f"{field}[{number}]")


def _list(data: Mapping[str, Any], field: str) -> list[Any]:
    found = data.get(field)
    if not isinstance(found, list):
        raise InvalidParameter(f"data.{field} is {_shown(found)}, and must be a list.")
    return found


def _numbers(values: list[Any], field: str) -> list[float]:
    for value in values:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value):
            raise InvalidParameter(f"{field} has {_shown(value)}, and must have finite numbers.")
    return values


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


_CHECKS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    CONFUSION_MATRIX: _check_confusion_matrix,
    ACCURACY_TABLE: _check_accuracy_table,
    RESIDUALS: _check_residuals,
    PREDICTIONS: _check_predictions,
}
