"""Reading a run's metrics: every value, in the order in which they were logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from runyard.protocol.messages.metrics import (
    GetMetricHistory,
    GetMetricHistoryAnswer,
    ReadSeries,
    ReadSeriesAnswer,
    WireMetric,
)
from runyard.sdk.connection import MLFLOW, Connection

MetricValues = dict[str, float | list[float]]
"""A number where one value was logged, the list of values where several were."""

KEYS_A_REQUEST = 50
WIDEST_SERIES = 4000

_HISTORY_PAGE = 25_000


def latest_values(metrics: Iterable[WireMetric]) -> dict[str, float]:
    """Return the latest value of each metric, the words NaN and Infinity as numbers."""
    return {metric.key: float(metric.value) for metric in metrics}


def read_metrics(connection: Connection, run_id: str, keys: Sequence[str]) -> MetricValues:
    """Return all values of some metrics of a run.

    Short series come together, fifty to a request; only those that are too long for that are paged through.

    Raises:
        NotFound: There is no such run.
    """
    values: dict[str, list[float]] = {}
    for start in range(0, len(keys), KEYS_A_REQUEST):
        asked = ReadSeries(
            run_ids=[run_id], keys=list(keys[start : start + KEYS_A_REQUEST]), x="time", width=WIDEST_SERIES
        )
        answer = connection.post("/api/v1/series", asked, ReadSeriesAnswer, is_repeatable=True)
        for series in answer.series:
            values[series.key] = (
                read_history(connection, run_id, series.key)
                if series.is_bucketed
                else [float(value) for value in series.last]
            )
    return {key: _one_or_all(values[key]) for key in keys if values.get(key)}


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


def _one_or_all(values: list[float]) -> float | list[float]:
    return values[0] if len(values) == 1 else values
