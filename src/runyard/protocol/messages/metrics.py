"""MLflow's messages about metric histories, and our own about series for charts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import repeat

import msgspec
from msgspec import UNSET, UnsetType

from runyard.entities.metric import Metric
from runyard.protocol.columns import Column
from runyard.protocol.messages.common import Int64, Wire
from runyard.protocol.wire import WireFloat, encode, wire_float, wire_floats


class WireMetric(Wire, omit_defaults=False):
    """One point of a metric on the wire."""

    key: str
    value: WireFloat
    timestamp: Int64
    step: Int64 = 0
    model_id: str | UnsetType = UNSET
    dataset_name: str | UnsetType = UNSET
    dataset_digest: str | UnsetType = UNSET
    run_id: str | UnsetType = UNSET


class GetMetricHistory(Wire):
    """Query of ``metrics/get-history``."""

    __wire_aliases__ = {"run_id": "run_uuid"}

    run_id: str
    metric_key: str
    page_token: str | None = None
    max_results: Int64 | None = None


class GetMetricHistoryAnswer(Wire):
    """A page of one metric's points in order of timestamp, step, value."""

    metrics: list[WireMetric] | UnsetType = UNSET
    next_page_token: str | UnsetType = UNSET


class GetMetricHistoryBulk(Wire):
    """Query of ``metrics/get-history-bulk``."""

    run_id: list[str] = []
    metric_key: str | None = None
    max_results: Int64 | None = None


class GetMetricHistoryBulkAnswer(Wire, omit_defaults=False):
    """The points of one metric in several runs; the list is there even when it is empty."""

    metrics: list[WireMetric]


class GetMetricHistoryBulkInterval(Wire):
    """Query of ``metrics/get-history-bulk-interval``."""

    run_ids: list[str]
    metric_key: str
    start_step: Int64 | None = None
    end_step: Int64 | None = None
    max_results: Int64 | None = None


class ReadSeries(Wire):
    """Body of ``/api/v1/series``: what a chart asks for, or with ``raw`` all points, by pages."""

    run_ids: list[str]
    keys: list[str]
    x: str = "step"
    start: float | None = None
    end: float | None = None
    width: Int64 = 1000
    raw: bool = False
    max_results: Int64 | None = None
    page_token: str | None = None


class WireSeries(Wire, omit_defaults=False):
    """One line of a chart as columns: of points ``x`` and ``last``, of buckets all but the two last.

    A line of raw points has ``x``, ``last``, ``step`` and ``timestamp``, in order of time.
    """

    run_id: str
    key: str
    point_count: int
    is_bucketed: bool
    x: list[int]
    last: list[WireFloat]
    first: list[WireFloat] | UnsetType = UNSET
    min: list[WireFloat] | UnsetType = UNSET
    max: list[WireFloat] | UnsetType = UNSET
    mean: list[WireFloat] | UnsetType = UNSET
    step: list[int] | UnsetType = UNSET
    timestamp: list[int] | UnsetType = UNSET


class ReadSeriesAnswer(Wire, omit_defaults=False):
    """The lines that have points."""

    series: list[WireSeries]
    next_page_token: str | UnsetType = UNSET


class SeriesColumns(Wire, omit_defaults=False):
    """What the header of the binary form says of a line: where each column of :class:`WireSeries` lies."""

    run_id: str
    key: str
    point_count: int
    is_bucketed: bool
    columns: dict[str, Column]


class SeriesHeader(Wire, omit_defaults=False):
    """The header of the binary form."""

    series: list[SeriesColumns]
    next_page_token: str | UnsetType = UNSET


def wire_metric(metric: Metric) -> WireMetric:
    """Return a metric as MLflow writes it."""
    return WireMetric(
        key=metric.key,
        value=wire_float(metric.value),
        timestamp=metric.timestamp_ms,
        step=metric.step,
        model_id=metric.model_id or UNSET,
        dataset_name=metric.dataset_name or UNSET,
        dataset_digest=metric.dataset_digest or UNSET,
    )


class _PointOfHistory(msgspec.Struct, gc=False):
    """What :class:`WireMetric` looks like for a point; made by position, by the million."""

    key: str
    value: WireFloat
    timestamp: int
    step: int


class _PointOfRun(_PointOfHistory, gc=False):
    run_id: str


def encode_points(
    key: str,
    values: Sequence[float],
    timestamps_ms: Sequence[int],
    steps: Sequence[int],
    run_id: str | None = None,
) -> bytes:
    """Return points of one metric, given as columns, as JSON: the items of a list without its brackets."""
    # the sum is the fastest test: nothing finite comes of what is not
    numbers: Sequence[WireFloat] = values if math.isfinite(sum(values)) else wire_floats(values)
    columns = (repeat(key), numbers, timestamps_ms, steps)
    if run_id is None:
        return encode(list(map(_PointOfHistory, *columns)))[1:-1]
    return encode(list(map(_PointOfRun, *columns, repeat(run_id))))[1:-1]
