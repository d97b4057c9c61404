"""MLflow's messages about metric histories, and our own about series for charts."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET, UnsetType

from runyard.entities.metric import Metric, Point
from runyard.protocol.messages.common import Int64, Wire
from runyard.protocol.wire import WireFloat, wire_float


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
    max_results: int | None = None


class GetMetricHistoryAnswer(Wire):
    """A page of one metric's points in order of timestamp, step, value."""

    metrics: list[WireMetric] | UnsetType = UNSET
    next_page_token: str | UnsetType = UNSET


class GetMetricHistoryBulk(Wire):
    """Query of ``metrics/get-history-bulk``."""

    run_id: list[str] = []
    metric_key: str | None = None
    max_results: int | None = None


class GetMetricHistoryBulkAnswer(Wire, omit_defaults=False):
    """The points of one metric in several runs; the list is there even when it is empty."""

    metrics: list[WireMetric]


class GetMetricHistoryBulkInterval(Wire):
    """Query of ``metrics/get-history-bulk-interval``."""

    run_ids: list[str]
    metric_key: str
    start_step: Int64 | None = None
    end_step: Int64 | None = None
    max_results: int | None = None


class ReadSeries(Wire):
    """Body of ``/api/v1/series``: what a chart asks for."""

    run_ids: list[str]
    keys: list[str]
    x: str = "step"
    start: float | None = None
    end: float | None = None
    width: int = 1000


class WireSeries(Wire, omit_defaults=False):
    """One line of a chart as columns; without buckets only ``x`` and ``last`` are sent."""

    run_id: str
    key: str
    point_count: int
    is_bucketed: bool
    x: list[float]
    last: list[WireFloat]
    first: list[WireFloat] | UnsetType = UNSET
    min: list[WireFloat] | UnsetType = UNSET
    max: list[WireFloat] | UnsetType = UNSET
    mean: list[WireFloat] | UnsetType = UNSET


class ReadSeriesAnswer(Wire, omit_defaults=False):
    """The lines that have points."""

    series: list[WireSeries]


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


def wire_points(key: str, points: Iterable[Point], run_id: str | UnsetType = UNSET) -> list[WireMetric]:
    """Return the points of one metric as MLflow writes them."""
    return [
        WireMetric(key=key, value=wire_float(value), timestamp=timestamp_ms, step=step, run_id=run_id)
        for timestamp_ms, step, value in points
    ]
