"""The rules for adding traces up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runyard.entities.experiment import Experiment
from runyard.entities.trace import SESSION_KEY, TraceState
from runyard.entities.trace_metrics import Aggregate, Aggregation, MetricView
from runyard.entities.trace_session import TraceSession
from runyard.protocol.trace_filters import parse_trace_filter
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_trace_metrics import TraceQuestion
from runyard.testing.metadata_hooks import NOW_MS, WORKSPACE
from runyard.testing.trace_hooks import TraceHooks, TracesUnderTest, new_span, new_trace

TRACES = MetricView.TRACES


class TraceMetricRules(TraceHooks):
    """The rules for metrics of traces and for sessions; a part of ``TraceStoreRules``."""

    def measured(
        self, stores: TracesUnderTest, experiment: Experiment, view: MetricView, metric: str, **more: Any
    ) -> Any:
        """Return the points of a metric as plain tuples."""
        search = Search(workspace=WORKSPACE, experiment_ids=[experiment.experiment_id])
        asked = {"aggregations": [Aggregation(Aggregate.COUNT)], **more}
        points = stores.metrics.measure(TraceQuestion(search=search, view=view, metric=metric, **asked))
        return [(point.bucket_ms, dict(point.dimensions), dict(point.values)) for point in points]

    def test_traces_spans_and_assessments_are_added_up(
        self, stores: TracesUnderTest, searched: Experiment
    ) -> None:
        """Traces spans and assessments are added up."""
        assert self.measured(stores, searched, TRACES, "trace_count") == [(None, {}, {"COUNT": 3.0})]
        assert self.measured(stores, searched, TRACES, "session_count") == [(None, {}, {"COUNT": 1.0})]
        spread = [Aggregation(Aggregate.PERCENTILE, 25.0), Aggregation(Aggregate.MAXIMUM)]
        latency = self.measured(stores, searched, TRACES, "latency", aggregations=spread)
        assert latency == [(None, {}, {"P25.0": 253.75, "MAX": 1000.0})]
        by_name = self.measured(stores, searched, MetricView.SPANS, "span_count", dimensions=["span_name"])
        assert by_name == [
            (None, {"span_name": "root"}, {"COUNT": 1.0}),
            (None, {"span_name": "tool"}, {"COUNT": 2.0}),
            (None, {"span_name": "untyped"}, {"COUNT": 1.0}),
        ]
        named = {"aggregations": [Aggregation(Aggregate.AVERAGE)], "equal": [("name", "score")]}
        scores = self.measured(stores, searched, MetricView.ASSESSMENTS, "assessment_value", **named)
        assert scores == [(None, {}, {"AVG": 2.75})]

    def test_metrics_are_told_apart_by_time(self, stores: TracesUnderTest, searched: Experiment) -> None:
        """Metrics are told apart by time."""
        found = self.measured(
            stores, searched, TRACES, "trace_count", bucket_ms=200, from_ms=100, until_ms=300
        )
        assert found == [(0, {}, {"COUNT": 1.0}), (200, {}, {"COUNT": 2.0})]
        assert self.measured(stores, searched, TRACES, "trace_count", until_ms=99) == [
            (None, {}, {"COUNT": 0.0})
        ]

    def test_traces_that_name_a_session_make_one(
        self, stores: TracesUnderTest, experiment: Experiment
    ) -> None:
        """The session with the last trace comes first; of two that are as new, the one of the lesser id."""
        tokens = {"mlflow.trace.tokenUsage": '{"total_tokens": 7}'}
        told: list[tuple[str | None, dict[str, Any]]] = [
            ("b", {"request_preview": "first", "metadata": tokens}),
            ("a", {"state": TraceState.ERROR}),
            ("b", {"request_preview": "second", "state": TraceState.ERROR, "metadata": tokens}),
            ("c", {}),
            (None, {}),
        ]
        for number, (session_id, more) in enumerate(told):
            named = {} if session_id is None else {SESSION_KEY: session_id}
            changes = {**more, "metadata": {**more.get("metadata", {}), **named}}
            started_ms = NOW_MS + min(number, 2)
            stores.traces.add_trace(new_trace(experiment, f"tr-{number}", started_ms=started_ms, **changes))
        search = Search(workspace=WORKSPACE, experiment_ids=[experiment.experiment_id])
        found = stores.metrics.find_sessions(search)
        assert found == [
            TraceSession("b", 2, 1, 14, "first", NOW_MS, NOW_MS + 2),
            TraceSession("c", 1, 0, None, None, NOW_MS + 2, NOW_MS + 2),
            TraceSession("a", 1, 1, None, None, NOW_MS + 1, NOW_MS + 1),
        ]
        pages = [stores.metrics.find_sessions(replace(search, limit=2, offset=offset)) for offset in (0, 2)]
        assert pages == [found[:2], found[2:]]
        failed = replace(search, filter=parse_trace_filter("status = 'ERROR'"))
        assert stores.metrics.find_sessions(failed) == [
            TraceSession("b", 1, 1, 7, "second", NOW_MS + 2, NOW_MS + 2),
            TraceSession("a", 1, 1, None, None, NOW_MS + 1, NOW_MS + 1),
        ]

    def test_tokens_and_costs_are_numbers(self, stores: TracesUnderTest, experiment: Experiment) -> None:
        """Tokens and costs are numbers."""
        used = {"mlflow.trace.tokenUsage": '{"input_tokens": 5, "output_tokens": true}'}
        stores.traces.add_trace(new_trace(experiment, metadata=used))
        cost = {"mlflow.llm.cost": {"total_cost": 0.25}, "mlflow.llm.model": "m"}
        stores.spans.keep_spans(WORKSPACE, [new_span("tr-1", attributes=cost)])
        summed = [Aggregation(Aggregate.SUM)]
        of_traces = (TRACES, "input_tokens")
        assert self.measured(stores, experiment, *of_traces, aggregations=summed) == [
            (None, {}, {"SUM": 5.0})
        ]
        of_spans = (MetricView.SPANS, "total_cost")
        found = self.measured(
            stores, experiment, *of_spans, aggregations=summed, dimensions=["span_model_name"]
        )
        assert found == [(None, {"span_model_name": "m"}, {"SUM": 0.25})]
        assert self.measured(stores, experiment, TRACES, "output_tokens", aggregations=summed) == []

    def test_what_is_told_of_costs_leaves_the_tokens(
        self, stores: TracesUnderTest, experiment: Experiment
    ) -> None:
        """What is told of costs leaves what was told of tokens, and takes the place of other costs."""
        used = {"mlflow.trace.tokenUsage": '{"input_tokens": 5}'}
        stores.traces.add_trace(new_trace(experiment, metadata=used))
        for cost in ('{"input_cost": 1, "total_cost": 3}', '{"total_cost": 2}'):
            stores.traces.update_trace(new_trace(experiment, metadata={"mlflow.trace.cost": cost}))
        summed = [Aggregation(Aggregate.SUM)]
        found = {
            name: [
                values for *_, values in self.measured(stores, experiment, TRACES, name, aggregations=summed)
            ]
            for name in ("input_tokens", "input_cost", "total_cost")
        }
        assert found == {"input_tokens": [{"SUM": 5.0}], "input_cost": [], "total_cost": [{"SUM": 2.0}]}
