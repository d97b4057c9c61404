"""Reading a run's metrics: every value, in the order in which they were logged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from runyard.protocol.messages.metrics import (
    GetMetricHistory,
    GetMetricHistoryAnswer,
    ReadSeries,
    ReadSeriesAnswer,
    WireMetric,
    WireSeries,
)
from runyard.sdk.connection import MLFLOW, Connection

MetricValues = dict[str, float | list[float]]
"""A number where one value was logged, the list of values where several were."""

KEYS_A_REQUEST = 50
WIDEST_SERIES = 4000

_HISTORY_PAGE = 25_000


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """The course of one metric in a few numbers.

    Args:
        key: Name of the metric.
        point_count: How many points it has.
        lowest: Its smallest value; NaN when there is no other.
        highest: Its largest value; NaN when there is no other.
        course: Its values over the steps, thinned.
    """

    key: str
    point_count: int
    lowest: float
    highest: float
    course: tuple[float, ...]


def latest_values(metrics: Iterable[WireMetric]) -> dict[str, float]:
    """Return the latest value of each metric, the words NaN and Infinity as numbers."""
    return {metric.key: float(metric.value) for metric in metrics}


def read_metrics(connection: Connection, run_id: str, keys: Sequence[str]) -> MetricValues:
    """Return all values of some metrics of a run.

    Short series come together, fifty to a request; only those that are too long for that are paged through.

    Raises:
        NotFound: There is no such run.
    """
    values = {
        series.key: read_history(connection, run_id, series.key)
        if series.is_bucketed
        else [float(value) for value in series.last]
        for series in _series(connection, run_id, keys, "time", WIDEST_SERIES)
    }
    return {key: _one_or_all(values[key]) for key in keys if values.get(key)}


def summarize_metrics(
    connection: Connection, run_id: str, keys: Sequence[str], width: int
) -> list[MetricSummary]:
    """Return the course of some metrics of a run, in the order of the keys, each in at most ``width`` values.

    Raises:
        NotFound: There is no such run.
    """
    found: dict[str, MetricSummary] = {}
    for series in _series(connection, run_id, keys, "step", width):
        lowest = _numbers(series.min or series.last)
        highest = _numbers(series.max or series.last)
        found[series.key] = MetricSummary(
            series.key,
            series.point_count,
            min(lowest, default=math.nan),
            max(highest, default=math.nan),
            tuple(float(value) for value in series.mean or series.last),
        )
    return [found[key] for key in keys if key in found]


def read_history(connection: Connection, run_id: str, key: str) -> list[float]:
    """Return all values of one metric of a run.

    Raises:
        NotFound: There is no such run.
    """
    return [float(point.value) for point in read_points(connection, run_id, key)]


def read_points(connection: Connection, run_id: str, key: str) -> list[WireMetric]:
    """Return all points of one metric of a run by time, then step.

    Raises:
        NotFound: There is no such run.
    """
    points: list[WireMetric] = []
    page_token: str | None = None
    while True:
        query = GetMetricHistory(
            run_id=run_id, metric_key=key, max_results=_HISTORY_PAGE, page_token=page_token
        )
        answer = connection.get(f"{MLFLOW}/metrics/get-history", GetMetricHistoryAnswer, query)
        points.extend(answer.metrics or ())
        page_token = answer.next_page_token or None
        if page_token is None:
            return points


def merged(parts: Iterable[Mapping[str, float | list[float]]]) -> MetricValues:
    """Return several runs' metrics as one; the values of equal names follow one another."""
    values: dict[str, list[float]] = {}
    for part in parts:
        for key, value in part.items():
            values.setdefault(key, []).extend(value if isinstance(value, list) else [value])
    return {key: _one_or_all(found) for key, found in values.items()}


def _series(
    connection: Connection, run_id: str, keys: Sequence[str], axis: str, width: int
) -> Iterator[WireSeries]:
    for start in range(0, len(keys), KEYS_A_REQUEST):
        asked = ReadSeries(
            run_ids=[run_id], keys=list(keys[start : start + KEYS_A_REQUEST]), x=axis, width=width
        )
        yield from connection.post("/api/v1/series", asked, ReadSeriesAnswer, is_repeatable=True).series


def _numbers(values: Iterable[float | str]) -> list[float]:
    return [number for value in values if not math.isnan(number := float(value))]


def _one_or_all(values: list[float]) -> float | list[float]:
    return values[0] if len(values) == 1 else values
