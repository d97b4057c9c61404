"""What a server can be measured by, in the text that Prometheus reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from runyard._version import __version__
from runyard.errors import RunyardError
from runyard.services.call import Call
from runyard.services.traffic import LATENCY_BOUNDS_S, Traffic

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS: Final = (*map(str, LATENCY_BOUNDS_S), "+Inf")


def measure(call: Call) -> bytes:
    """Return all that is measured now; what only the database knows is left out while it doesn't answer."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once([*_traffic(call.operation.traffic), *_stores(call)]))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _traffic(traffic: Traffic) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "runyard_requests", "Requests that were answered.", labels=("route", "method", "status")
    )
    took = HistogramMetricFamily(
        "runyard_request_seconds", "How long requests took.", labels=("route", "method")
    )
    counts: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * len(_BOUNDS))
    totals_s: defaultdict[tuple[str, str], float] = defaultdict(float)
    for route, method, status, answered in traffic.answered():
        requests.add_metric((route, method, status), sum(answered.counts))
        kind = counts[route, method]
        kind[:] = map(int.__add__, kind, answered.counts)
        totals_s[route, method] += answered.total_s
    for kind_of, kept in counts.items():
        took.add_metric(kind_of, list(zip(_BOUNDS, accumulate(kept), strict=True)), totals_s[kind_of])
    yield requests
    yield took
    yield GaugeMetricFamily(
        "runyard_requests_in_flight", "Requests that are not answered yet.", traffic.in_flight
    )
    yield CounterMetricFamily(
        "runyard_artifact_written_bytes", "Bytes of artifacts that were kept.", traffic.artifact_bytes
    )


def _stores(call: Call) -> Iterator[Metric]:
    commits, backlog = call.stores.commits, call.stores.upkeep.backlog()
    build = GaugeMetricFamily("runyard_build", "Which version this is.", labels=("version", "mode"))
    build.add_metric((__version__, call.settings.mode.value), 1)
    yield build
    yield SummaryMetricFamily(
        "runyard_commit_group_size",
        "Changes that were written in one transaction.",
        count_value=commits.groups,
        sum_value=commits.changes,
    )
    yield GaugeMetricFamily(
        "runyard_commit_waiting", "Changes that wait to be written.", commits.waiting_count
    )
    yield GaugeMetricFamily("runyard_upkeep_runs", "Runs whose metrics are not at rest yet.", backlog.runs)
    yield GaugeMetricFamily(
        "runyard_upkeep_batches", "Batches of metrics that are not folded into chunks yet.", backlog.batches
    )
    yield GaugeMetricFamily(
        "runyard_unsummarised_batches",
        "Batches of metrics that this process took and has not summarised yet.",
        backlog.unsummarised,
    )
    try:
        size_bytes = call.stores.database.size_bytes()
    except RunyardError:
        return
    yield GaugeMetricFamily("runyard_database_bytes", "Size of the database.", size_bytes)
