"""MLflow's routes about what traces come to together."""

from __future__ import annotations

import math
from datetime import datetime, timezone

from msgspec import UNSET

from runyard.auth.permissions import Permission
from runyard.entities.trace_metrics import Aggregate, Aggregation, MetricPoint, MetricView
from runyard.errors import InvalidParameter
from runyard.protocol.messages.trace_metrics import (
    CorrelateFilters,
    CorrelationAnswer,
    QueryTraceMetrics,
    TraceMetricsAnswer,
    WireAggregation,
    WireMetricPoint,
)
from runyard.protocol.wire import invalid
from runyard.server.routing import Routes
from runyard.services import reach, trace_metrics
from runyard.services.call import Call
from runyard.services.trace_metrics import MetricsAsked

routes = Routes()
_BASE = "/api/3.0/mlflow/traces"
_VIEWS = {
    **{view.value: view for view in MetricView},
    **{str(number): view for number, view in enumerate(MetricView, 1)},
}
_AGGREGATES = {
    **{how.value: how for how in Aggregate},
    **{str(number): how for number, how in enumerate(Aggregate, 1)},
}


@routes.post(
    f"{_BASE}/metrics",
    permits=Permission.READ,
    of=reach.searched,
    summary="Add up what traces, spans or assessments tell.",
)
def query_trace_metrics(call: Call, body: QueryTraceMetrics) -> TraceMetricsAnswer:
    """Answer the points of one metric."""
    view = _VIEWS.get(str(body.view_type))
    if view is None:
        raise invalid("view_type", body.view_type, f"Expected one of {[each.value for each in MetricView]}.")
    seconds = body.time_interval_seconds
    asked = MetricsAsked(
        experiment_ids=body.experiment_ids,
        view=view,
        metric=body.metric_name,
        aggregations=[_aggregation(each) for each in body.aggregations],
        dimensions=body.dimensions,
        filters=body.filters,
        bucket_ms=None if seconds is None else seconds * 1000,
        from_ms=body.start_time_ms,
        until_ms=body.end_time_ms,
        limit=body.max_results,
    )
    points = trace_metrics.measure_traces(call, asked)
    return TraceMetricsAnswer(data_points=[_wire_point(body.metric_name, point) for point in points] or UNSET)


@routes.post(
    f"{_BASE}/calculate-filter-correlation",
    permits=Permission.READ,
    of=reach.searched,
    summary="Tell how far two filters of traces go together.",
)
def calculate_filter_correlation(call: Call, body: CorrelateFilters) -> CorrelationAnswer:
    """Answer the counts of two filters and what they come to."""
    found = trace_metrics.correlate_filters(
        call, body.experiment_ids, body.filter_string1, body.filter_string2, body.base_filter
    )
    return CorrelationAnswer(
        npmi=UNSET if math.isnan(found.npmi) else found.npmi,
        npmi_smoothed=UNSET if math.isnan(found.npmi_smoothed) else found.npmi_smoothed,
        filter1_count=found.overlap.first,
        filter2_count=found.overlap.second,
        joint_count=found.overlap.joint,
        total_count=found.overlap.total,
    )


def _aggregation(sent: WireAggregation) -> Aggregation:
    how = _AGGREGATES.get(str(sent.aggregation_type))
    if how is None:
        expected = [each.value for each in Aggregate]
        raise invalid("aggregation_type", sent.aggregation_type, f"Expected one of {expected}.")
    if (how is Aggregate.PERCENTILE) != (sent.percentile_value is not None):
        raise InvalidParameter("Percentile value is required for PERCENTILE aggregation, and for no other.")
    if sent.percentile_value is not None and not 0 <= sent.percentile_value <= 100:
        raise InvalidParameter(f"Percentile value must be between 0 and 100, got {sent.percentile_value}")
    return Aggregation(how, sent.percentile_value)


def _wire_point(metric: str, point: MetricPoint) -> WireMetricPoint:
    dimensions = dict(point.dimensions)
    if point.bucket_ms is not None:
        began = datetime.fromtimestamp(point.bucket_ms / 1000, tz=timezone.utc)
        dimensions = {"time_bucket": began.isoformat(), **dimensions}
    return WireMetricPoint(metric_name=metric, dimensions=dimensions or UNSET, values=dict(point.values))
