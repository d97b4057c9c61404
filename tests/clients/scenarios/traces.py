"""Traces by a client of MLflow 3.17: spans of all kinds, search, assessments, deletion."""

from __future__ import annotations

import asyncio
import os

import mlflow
from expecting import refused
from mlflow import MlflowClient
from mlflow.entities import AssessmentError, AssessmentSource, SpanEvent, SpanStatusCode, SpanType

_client = MlflowClient()


def _experiment_id() -> str:
    """The experiment of this scenario alone."""
    from mlflow.tracking.fluent import _get_experiment_id

    return _get_experiment_id()


def _last() -> mlflow.entities.Trace:
    mlflow.flush_trace_async_logging()
    return mlflow.get_trace(mlflow.get_last_active_trace_id())


def _names(filter_string: str | None = None, **more: object) -> list[str]:
    found = mlflow.search_traces(filter_string=filter_string, return_type="list", **more)
    return [trace.info.tags["mlflow.traceName"] for trace in found]


def a_decorated_function_is_a_trace_with_nested_spans() -> None:
    experiment_id = _experiment_id()

    @mlflow.trace(span_type=SpanType.RETRIEVER, attributes={"k": "v"})
    def retrieve(question: str) -> list[str]:
        return [question, 'é\n"quoted"']

    @mlflow.trace
    def answer(question: str) -> str:
        return retrieve(question)[0].upper()

    assert answer("why") == "WHY"
    trace = _last()
    assert trace.info.experiment_id == experiment_id
    assert trace.info.state == "OK"
    assert trace.info.request_preview == '{"question": "why"}'
    assert trace.info.response_preview == '"WHY"'
    root, child = trace.data.spans
    assert (root.name, child.name) == ("answer", "retrieve")
    assert child.parent_id == root.span_id
    assert root.parent_id is None
    assert child.span_type == "RETRIEVER"
    assert child.attributes["k"] == "v"
    assert child.outputs == ["why", 'é\n"quoted"']
    assert trace.info.execution_duration is not None
    assert root.start_time_ns <= child.start_time_ns <= child.end_time_ns <= root.end_time_ns


def spans_come_back_as_they_were_sent() -> None:
    values = {
        "text": "ü",
        "whole": 5,
        "part": 0.5,
        "yes": True,
        "list": [1, None, {"a": []}],
        "nothing": None,
    }
    with mlflow.start_span("manual", span_type="own kind") as span:
        span.set_inputs({"x": [1, 2]})
        span.set_outputs(values)
        span.set_attributes(values)
        span.add_event(SpanEvent("event", attributes={"n": 1, "s": "t"}))
    sent = span.to_immutable_span()
    (kept,) = _last().data.spans
    assert kept.span_id == sent.span_id
    assert kept.trace_id == sent.trace_id
    assert kept.attributes == sent.attributes
    assert (kept.start_time_ns, kept.end_time_ns) == (sent.start_time_ns, sent.end_time_ns)
    assert [(each.name, each.timestamp, each.attributes) for each in kept.events] == [
        (each.name, each.timestamp, each.attributes) for each in sent.events
    ]


def an_exception_is_an_error_of_its_spans() -> None:

    @mlflow.trace
    def fail() -> None:
        raise ValueError("for a reason")

    try:
        fail()
    except ValueError:
        pass
    else:
        raise AssertionError("the function's own error is gone")
    trace = _last()
    assert trace.info.state == "ERROR"
    (span,) = trace.data.spans
    assert span.status.status_code == SpanStatusCode.ERROR
    assert "for a reason" in span.status.description
    assert [event.name for event in span.events] == ["exception"]
    assert _names("status = 'ERROR'") == ["fail"]


def spans_of_threads_and_coroutines_are_one_trace() -> None:

    @mlflow.trace
    async def step(number: int) -> int:
        await asyncio.sleep(0)
        return number

    @mlflow.trace
    async def whole() -> list[int]:
        return await asyncio.gather(*(step(number) for number in range(5)))

    assert asyncio.run(whole()) == list(range(5))
    assert len(_last().data.spans) == 6


def spans_are_logged_before_the_call_returns_where_that_is_asked_for() -> None:
    os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"
    try:
        mlflow.tracing.reset()
        with mlflow.start_span("now"):
            pass
        assert len(mlflow.get_trace(mlflow.get_last_active_trace_id()).data.spans) == 1
    finally:
        del os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"]
        mlflow.tracing.reset()


def a_trace_belongs_to_its_run_session_user_and_model() -> None:
    with mlflow.start_run() as run, mlflow.start_span("in a run"):
        mlflow.update_current_trace(
            tags={"stage": "test"},
            metadata={"mlflow.trace.session": "s-1", "mlflow.trace.user": "ann", "mlflow.modelId": "m-1"},
            client_request_id="request-1",
        )
    trace = _last()
    assert trace.info.client_request_id == "request-1"
    for found_by in (
        f"run_id = '{run.info.run_id}'",
        "metadata.`mlflow.trace.session` = 's-1'",
        "metadata.`mlflow.trace.user` = 'ann'",
        "metadata.`mlflow.modelId` = 'm-1'",
        "tags.stage = 'test'",
        "trace.client_request_id LIKE 'request%'",
    ):
        assert _names(found_by) == ["in a run"], found_by
    found = mlflow.search_traces(run_id=run.info.run_id, return_type="list")
    assert [each.info.trace_id for each in found] == [trace.info.trace_id]


def traces_are_searched_by_their_spans_sorted_and_paged() -> None:
    experiment_id = _experiment_id()
    for number in range(5):
        with mlflow.start_span(f"root {number}") as span:
            span.set_attribute("number", number)
            with mlflow.start_span("tool", span_type="TOOL") as tool:
                tool.set_inputs({"text": f"needle {number}"})
    mlflow.flush_trace_async_logging()
    assert _names(order_by=["name"]) == [f"root {number}" for number in range(5)]
    assert _names("span.name = 'tool' AND span.type = 'TOOL' AND name = 'root 3'") == ["root 3"]
    assert _names("trace.text LIKE '%needle 2%'") == ["root 2"]
    assert _names("span.attributes.number = '4'") == ["root 4"]
    assert _names("name RLIKE '[01]$'", order_by=["name DESC"]) == ["root 1", "root 0"]
    first = _client.search_traces(locations=[experiment_id], max_results=3, order_by=["name"])
    rest = _client.search_traces(
        locations=[experiment_id], max_results=3, order_by=["name"], page_token=first.token
    )
    assert [len(first), len(rest), rest.token] == [3, 2, None]
    table = mlflow.search_traces(max_results=2)
    assert list(table["state"]) == ["OK", "OK"]
    with refused("INVALID_PARAMETER_VALUE"):
        _names("span.duration = 'x'")


def assessments_are_given_overridden_searched_and_taken_back() -> None:
    with mlflow.start_span("judged") as span:
        pass
    trace_id = _last().info.trace_id
    judge = AssessmentSource(source_type="LLM_JUDGE", source_id="judge-1")
    given = mlflow.log_feedback(
        trace_id=trace_id, name="correct", value=True, source=judge, rationale="it is", metadata={"k": "v"}
    )
    kept = mlflow.get_assessment(trace_id, given.assessment_id)
    assert (kept.value, kept.rationale, kept.metadata, kept.source) == (True, "it is", {"k": "v"}, judge)
    error = AssessmentError(error_code="LATE", error_message="no answer", stack_trace="at line 1")
    failed = mlflow.log_feedback(trace_id=trace_id, name="failed", error=error, span_id=span.span_id)
    assert mlflow.get_assessment(trace_id, failed.assessment_id).error.error_message == "no answer"
    expected = mlflow.log_expectation(trace_id=trace_id, name="expected", value={"a": [1, "b"]})
    assert mlflow.get_assessment(trace_id, expected.assessment_id).value == {"a": [1, "b"]}
    assert _names("feedback.correct = 'true' AND expectation.expected IS NOT NULL") == ["judged"]
    other = mlflow.override_feedback(trace_id=trace_id, assessment_id=given.assessment_id, value=0.25)
    assert other.overrides == given.assessment_id
    assert mlflow.get_assessment(trace_id, given.assessment_id).valid is False
    assert _names("feedback.correct = 'true'") == []
    assert _names("feedback.correct < 0.5") == ["judged"]
    mlflow.update_assessment(
        trace_id, expected.assessment_id, mlflow.entities.Expectation(name="expected", value="one word")
    )
    in_trace = {
        each.name: each.value
        for each in mlflow.get_trace(trace_id).info.assessments
        if each.name == "expected"
    }
    assert in_trace == {"expected": "one word"}
    mlflow.delete_assessment(trace_id, other.assessment_id)
    assert mlflow.get_assessment(trace_id, given.assessment_id).valid is True
    with refused("RESOURCE_DOES_NOT_EXIST"):
        mlflow.get_assessment(trace_id, other.assessment_id)


def tags_are_set_and_deleted() -> None:
    with mlflow.start_span("tagged"):
        pass
    trace_id = _last().info.trace_id
    mlflow.set_trace_tag(trace_id, "a/b", "c")
    assert _client.get_trace(trace_id).info.tags["a/b"] == "c"
    mlflow.delete_trace_tag(trace_id, "a/b")
    assert "a/b" not in _client.get_trace(trace_id).info.tags
    with refused("RESOURCE_DOES_NOT_EXIST"):
        mlflow.delete_trace_tag(trace_id, "a/b")


def traces_are_deleted_by_id_or_by_time() -> None:
    experiment_id = _experiment_id()
    for number in range(4):
        # Of those that began within one millisecond any may go first.
        mlflow.start_span_no_context(f"doomed {number}", start_time_ns=(number + 1) * 10**9).end()
    mlflow.flush_trace_async_logging()
    first = mlflow.search_traces(order_by=["timestamp ASC"], return_type="list")[0]
    assert _client.delete_traces(experiment_id, trace_ids=[first.info.trace_id]) == 1
    assert _client.delete_traces(experiment_id, max_timestamp_millis=10**14, max_traces=1) == 1
    assert sorted(_names()) == ["doomed 2", "doomed 3"]
    now = {"max_timestamp_millis": 10**14}
    with refused("INVALID_PARAMETER_VALUE"):
        _client.delete_traces(experiment_id, trace_ids=["tr-1"], **now)
    assert _client.delete_traces(experiment_id, **now) == 2
    assert _names() == []


def what_traces_come_to_is_added_up() -> None:
    from mlflow.entities.trace_metrics import AggregationType, MetricAggregation, MetricViewType
    from mlflow.tracking._tracking_service.utils import _get_store

    experiment_id = _experiment_id()
    for name in ("a", "a", "b"):
        with mlflow.start_span(name):
            pass
    mlflow.flush_trace_async_logging()
    points = _get_store().query_trace_metrics(
        experiment_ids=[experiment_id],
        view_type=MetricViewType.TRACES,
        metric_name="trace_count",
        aggregations=[MetricAggregation(AggregationType.COUNT)],
        dimensions=["trace_name"],
    )
    assert [(each.dimensions, each.values) for each in points] == [
        ({"trace_name": "a"}, {"COUNT": 2.0}),
        ({"trace_name": "b"}, {"COUNT": 1.0}),
    ]
    together = _get_store().calculate_trace_filter_correlation([experiment_id], "name = 'a'", "status = 'OK'")
    assert (together.filter1_count, together.joint_count, together.total_count) == (2, 2, 3)
