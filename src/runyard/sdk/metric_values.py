"""Reading a run's metrics: every value, in the order in which they were logged."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from runyard.protocol.messages.metrics import (
    ReadSeries,
    ReadSeriesAnswer,
    SeriesHeader,
    WireMetric,
    WireSeries,
)
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import Connection
from runyard.sdk.spool.outbox import flush_all

MetricValues = dict[str, Any]
"""A number where one value was logged, the list of values where several were; rows and tables by columns."""

KEYS_A_REQUEST = 50


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


@names_arguments
@dataclass(frozen=True, slots=True)
class MetricPoints:
    """All points of one metric by time, then step: three arrays of one length.

    NumPy and pandas take them as they are, as in ``pandas.Series(points.values, points.steps)``.

    Args:
        timestamps_ms: When each was logged, in milliseconds since 1970.
        steps: At which step.
        values: What was logged, NaN and infinities as they were.

    Example:
        >>> run.log_list("rmse", [61.2, 53.9])
        >>> points = run.get_metric_points("rmse")
        >>> pandas.Series(points.values, points.steps).to_dict()
        {0: 61.2, 1: 53.9}
    """

    timestamps_ms: array[int]
    steps: array[int]
    values: array[float]

    @classmethod
    def empty(cls) -> MetricPoints:
        """Return no points.

        Example:
            >>> len(run.get_metric_points("rmse").values)
            0
        """
        return cls(array("q"), array("q"), array("d"))

    def __len__(self) -> int:
        return len(self.values)


def latest_values(metrics: Iterable[WireMetric]) -> dict[str, float]:
    """Return the latest value of each metric, the words NaN and Infinity as numbers."""
    return {metric.key: float(metric.value) for metric in metrics}


def read_metrics(connection: Connection, run_id: str, keys: Sequence[str]) -> MetricValues:
    """Return all values of some metrics of a run.

    Raises:
        NotFound: There is no such run.
    """
    points = read_points(connection, run_id, keys)
    return {key: _one_or_all(points[key].values.tolist()) for key in keys if key in points}


def summarize_metrics(
    connection: Connection, run_id: str, keys: Sequence[str], width: int
) -> list[MetricSummary]:
    """Return the course of some metrics of a run, in the order of the keys, each in at most ``width`` values.

    Raises:
        NotFound: There is no such run.
    """
    found: dict[str, MetricSummary] = {}
    for series in read_curves(connection, [run_id], keys, width):
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


def read_curves(
    connection: Connection, run_ids: Sequence[str], keys: Sequence[str], width: int
) -> Iterator[WireSeries]:
    """Yield the courses of some metrics of some runs over the steps, thinned to ``width`` values each.

    Raises:
        NotFound: One of the runs is not there.
    """
    flush_all()
    for start in range(0, len(keys), KEYS_A_REQUEST):
        asked = ReadSeries(
            run_ids=list(run_ids), keys=list(keys[start : start + KEYS_A_REQUEST]), x="step", width=width
        )
        yield from connection.post("/api/v1/series", asked, ReadSeriesAnswer, is_repeatable=True).series


def read_points(connection: Connection, run_id: str, keys: Sequence[str]) -> dict[str, MetricPoints]:
    """Return all points of those of some metrics that have any.

    Raises:
        NotFound: There is no such run.
    """
    found: dict[str, MetricPoints] = {}
    for start in range(0, len(keys), KEYS_A_REQUEST):
        asked = ReadSeries(
            run_ids=[run_id], keys=list(keys[start : start + KEYS_A_REQUEST]), x="time", raw=True
        )
        while True:
            header, columns = connection.read_columns("/api/v1/series", asked, SeriesHeader)
            for series in header.series:
                points = found.setdefault(series.key, MetricPoints.empty())
                points.timestamps_ms.extend(columns.read(series.columns["timestamp"]))
                points.steps.extend(columns.read(series.columns["step"]))
                points.values.extend(columns.read(series.columns["last"]))
            if not header.next_page_token:
                break
            asked = msgspec.structs.replace(asked, page_token=header.next_page_token)
    return found


def merged(parts: Iterable[Mapping[str, Any]]) -> MetricValues:
    """Return several runs' metrics as one; the values of equal names follow one another."""
    values: dict[str, list[Any]] = {}
    for part in parts:
        for key, value in part.items():
            values.setdefault(key, []).extend(value if isinstance(value, list) else [value])
    return {key: _one_or_all(found) for key, found in values.items()}


def _numbers(values: Iterable[float | str]) -> list[float]:
    return [number for value in values if not math.isnan(number := float(value))]


def _one_or_all(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values
