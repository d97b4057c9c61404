"""Traces by a client of MLflow 2.22, which uploads its spans as a file."""

from __future__ import annotations

import time

import mlflow
from mlflow import MlflowClient
from mlflow.entities import SpanType
from mlflow.tracing.processor.mlflow import MlflowSpanProcessor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

_client = MlflowClient()
_init = MlflowSpanProcessor.__init__


def _init_as_opentelemetry_wants_it(self, span_exporter, *args, **kwargs) -> None:
    # MLflow 2.22 leaves out its base's own part, which later versions of OpenTelemetry don't forgive.
    SimpleSpanProcessor.__init__(self, span_exporter)
    _init(self, span_exporter, *args, **kwargs)


MlflowSpanProcessor.__init__ = _init_as_opentelemetry_wants_it
mlflow.tracing.reset()  # what scenarios before these have traced set it up without that


def _experiment_id() -> str:
    """The experiment of this scenario alone."""
    return mlflow.tracking.fluent._get_experiment_id()


def a_decorated_function_is_a_trace_with_its_spans_in_a_file() -> None:
    experiment_id = _experiment_id()

    @mlflow.trace(span_type=SpanType.TOOL)
    def inner(x: int) -> int:
        return x + 1

    @mlflow.trace
    def outer(x: int) -> int:
        return inner(x) * 2

    assert outer(1) == 4
    trace = _client.get_trace(mlflow.get_last_active_trace().info.request_id)
    assert trace.info.experiment_id == experiment_id
    assert trace.info.status == "OK"
    assert [span.name for span in trace.data.spans] == ["outer", "inner"]
    assert trace.data.response == "4"
    assert trace.info.tags["mlflow.traceName"] == "outer"


def a_trace_made_by_hand_is_found_tagged_and_deleted() -> None:
    experiment_id = _experiment_id()
    root = _client.start_trace("by hand", tags={"t": "1"}, experiment_id=experiment_id)
    child = _client.start_span("child", request_id=root.request_id, parent_id=root.span_id)
    _client.end_span(root.request_id, child.span_id)
    _client.end_trace(root.request_id, status="ERROR")
    _client.set_trace_tag(root.request_id, "a", "b")
    for found_by in ("tags.a = 'b'", "status = 'ERROR'", "name = 'by hand'"):
        found = _client.search_traces([experiment_id], filter_string=found_by)
        assert [each.info.request_id for each in found] == [root.request_id], found_by
    _client.delete_trace_tag(root.request_id, "a")
    assert "a" not in _client.get_trace(root.request_id).info.tags
    assert _client.delete_traces(experiment_id, request_ids=[root.request_id]) == 1
    assert len(_client.search_traces([experiment_id])) == 0


def traces_are_paged_and_deleted_by_time() -> None:
    experiment_id = _experiment_id()
    for number in range(3):
        root = _client.start_trace(f"t{number}", experiment_id=experiment_id)
        _client.end_trace(root.request_id)
    page = _client.search_traces([experiment_id], max_results=2, order_by=["timestamp_ms DESC"])
    rest = _client.search_traces([experiment_id], max_results=2, page_token=page.token)
    assert [len(page), len(rest), rest.token] == [2, 1, None]
    soon_ms = int(time.time() * 1000) + 60_000
    assert _client.delete_traces(experiment_id, max_timestamp_millis=soon_ms, max_traces=2) == 2
    assert _client.delete_traces(experiment_id, max_timestamp_millis=soon_ms) == 1
