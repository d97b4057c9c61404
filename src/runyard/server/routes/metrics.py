"""MLflow's routes that read metrics, and our own for charts."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET

from runyard.auth.permissions import Permission
from runyard.entities.metric import Point
from runyard.protocol.messages.metrics import (
    GetMetricHistory,
    GetMetricHistoryAnswer,
    GetMetricHistoryBulk,
    GetMetricHistoryBulkAnswer,
    GetMetricHistoryBulkInterval,
    ReadSeries,
    ReadSeriesAnswer,
    WireMetric,
    WireSeries,
    wire_points,
)
from runyard.protocol.wire import wire_floats
from runyard.server.routing import Routes
from runyard.services import metrics
from runyard.services.call import Call
from runyard.services.metrics import ChartLine
from runyard.stores.metrics.base import Axis

routes = Routes()
_BASE = "/api/2.0/mlflow/metrics"


@routes.get(f"{_BASE}/get-history", permits=Permission.READ, summary="Read all points of a metric.")
def get_history(call: Call, body: GetMetricHistory) -> GetMetricHistoryAnswer:
    """Answer points of one metric of one run."""
    page = metrics.get_history(call, body.run_id, body.metric_key, body.max_results, body.page_token)
    return GetMetricHistoryAnswer(
        metrics=wire_points(body.metric_key, page.items) or UNSET,
        next_page_token=page.next_token or UNSET,
    )


@routes.get(f"{_BASE}/get-history-bulk", permits=Permission.READ, summary="Read a metric of several runs.")
def get_history_of_runs(call: Call, body: GetMetricHistoryBulk) -> GetMetricHistoryBulkAnswer:
    """Answer points of one metric of several runs."""
    found = metrics.get_history_of_runs(call, body.run_id, body.metric_key, body.max_results)
    return GetMetricHistoryBulkAnswer(metrics=_of_runs(body.metric_key or "", found))


@routes.get(
    f"{_BASE}/get-history-bulk-interval",
    permits=Permission.READ,
    summary="Read evenly taken points of a metric of several runs.",
)
def sample_history_of_runs(call: Call, body: GetMetricHistoryBulkInterval) -> GetMetricHistoryAnswer:
    """Answer a sample of one metric of several runs."""
    steps = (body.start_step, body.end_step)
    found = metrics.sample_history_of_runs(call, body.run_ids, body.metric_key, body.max_results, steps)
    return GetMetricHistoryAnswer(metrics=_of_runs(body.metric_key, found) or UNSET)


@routes.post("/api/v1/series", permits=Permission.READ, summary="Read the lines of a chart.")
def read_series(call: Call, body: ReadSeries) -> ReadSeriesAnswer:
    """Answer lines thinned to the width of a chart."""
    return ReadSeriesAnswer(series=[_wire_series(line) for line in metrics.read_series(call, body)])


def _of_runs(key: str, found: Iterable[tuple[str, Point]]) -> list[WireMetric]:
    return [metric for run_id, point in found for metric in wire_points(key, [point], run_id)]


def _wire_series(line: ChartLine) -> WireSeries:
    thinned = line.thinned
    if thinned.points:
        xs = [point.step if line.axis is Axis.STEP else point.timestamp_ms for point in thinned.points]
        return WireSeries(
            run_id=line.run_id,
            key=line.key,
            point_count=thinned.point_count,
            is_bucketed=False,
            x=[x - line.origin_ms for x in xs],
            last=wire_floats([point.value for point in thinned.points]),
        )
    buckets = thinned.buckets
    return WireSeries(
        run_id=line.run_id,
        key=line.key,
        point_count=thinned.point_count,
        is_bucketed=True,
        x=[bucket.x - line.origin_ms for bucket in buckets],
        last=wire_floats([bucket.last for bucket in buckets]),
        first=wire_floats([bucket.first for bucket in buckets]),
        min=wire_floats([bucket.minimum for bucket in buckets]),
        max=wire_floats([bucket.maximum for bucket in buckets]),
        mean=wire_floats([bucket.mean for bucket in buckets]),
    )
