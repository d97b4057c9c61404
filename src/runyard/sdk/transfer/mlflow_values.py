"""How MLflow's stores write numbers and states, read back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from runyard.sdk.spool.records import Point

RUN_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
MODEL_STATUSES = {
    0: "LOGGED_MODEL_STATUS_UNSPECIFIED",
    1: "LOGGED_MODEL_PENDING",
    2: "LOGGED_MODEL_READY",
    3: "LOGGED_MODEL_UPLOAD_FAILED",
}
# The stage of a model version that was deleted: MLflow keeps its row, or its folder.
DELETED_STAGE = "Deleted_Internal"
# What MLflow's databases hold in place of an infinity.
LARGEST = 1.7976931348623157e308


def number(value: float, is_nan: bool = False) -> float:
    """Return the number that was logged: MLflow's databases have other numbers in place of some."""
    if is_nan:
        return math.nan
    return math.copysign(math.inf, value) if abs(value) >= LARGEST else value


def point(key: str, value: float, timestamp_ms: int, step: int) -> Point:
    """Return a point as it is sent."""
    if math.isfinite(value):
        return Point(key, value, timestamp_ms, step)
    word = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return Point(key, word, timestamp_ms, step)


def mapping(pairs: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Return pairs of an answer as a mapping."""
    return {pair["key"]: pair.get("value", "") for pair in pairs or ()}


def whole(value: object) -> int | None:
    """Return a whole number of an answer, which may be written as a text, or be left out."""
    return int(value) if isinstance(value, int | float | str) and value != "" else None
