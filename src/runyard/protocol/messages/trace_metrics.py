"""MLflow's messages about what traces come to together."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from runyard.protocol.messages.common import Int64, Wire
from runyard.protocol.wire import WireFloat


class WireAggregation(Wire):
    """How values are made one."""

    aggregation_type: str | Int64
    percentile_value: float | None = None


class QueryTraceMetrics(Wire):
    """Body of ``POST traces/metrics``."""

    experiment_ids: list[str]
    view_type: str | Int64
    metric_name: str
    aggregations: list[WireAggregation]
    dimensions: list[str] = []
    filters: list[str] = []
    time_interval_seconds: Int64 | None = None
    start_time_ms: Int64 | None = None
    end_time_ms: Int64 | None = None
    max_results: Int64 = 1000
    page_token: str | None = None


class WireMetricPoint(Wire):
    """What values come to, for one value of each dimension."""

    metric_name: str
    dimensions: dict[str, str] | UnsetType = UNSET
    values: dict[str, float] | UnsetType = UNSET


class TraceMetricsAnswer(Wire):
    """The points; there is no second page."""

    data_points: list[WireMetricPoint] | UnsetType = UNSET


class CorrelateFilters(Wire):
    """Body of ``POST traces/calculate-filter-correlation``."""

    experiment_ids: list[str]
    filter_string1: str
    filter_string2: str
    base_filter: str | None = None


class CorrelationAnswer(Wire, omit_defaults=False):
    """How far two filters go together; what has no number is left out, as MLflow does."""

    npmi: WireFloat | UnsetType
    npmi_smoothed: WireFloat | UnsetType
    filter1_count: int
    filter2_count: int
    joint_count: int
    total_count: int
