"""The traces of a workspace: what an application did step by step, and what is thought of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from msgspec import UNSET

from runyard.errors import InvalidParameter
from runyard.protocol.messages.assessments import (
    AssessmentAnswer,
    CreateAssessment,
    WireAssessment,
    WireAssessmentSource,
    WireExpectation,
    WireFeedback,
    WireSerializedValue,
)
from runyard.protocol.messages.common import Empty, Wire
from runyard.protocol.messages.tokens import GetCallerAnswer
from runyard.protocol.messages.trace_sessions import (
    ListTraceSessions,
    ListTraceSessionsAnswer,
    WireTraceSession,
)
from runyard.protocol.messages.traces import (
    DeleteTraces,
    DeleteTracesAnswer,
    DeleteTraceTag,
    SearchTraces,
    SearchTracesAnswer,
    SetTraceTag,
    TraceAnswer,
    WireMlflowExperiment,
    WireTraceInfo,
    WireTraceLocation,
)
from runyard.sdk.addresses import named_segment
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import listed, shown, text
from runyard.sdk.connection import Connection
from runyard.sdk.pages import pages

_TRACES = "/api/3.0/mlflow/traces"
_SPANS = "/ajax-api/3.0/mlflow/get-trace-artifact"
_KINDS = ("feedback", "expectation")


class _SpansOf(Wire):
    """Query for the spans of a trace."""

    request_id: str


class _Spans(Wire):
    """A trace's spans, each one of OpenTelemetry's messages."""

    spans: list[dict[str, Any]]


@names_arguments
class Traces:
    """The traces of a workspace. They are logged by MLflow's client, or by whatever speaks OpenTelemetry.

    Args:
        connection: Reaches the workspace.

    Example:
        >>> [each.trace_id for each in ws.traces.search([trace.experiment_id])] == [trace.trace_id]
        True
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def search(
        self,
        experiment_ids: Collection[str],
        filter_text: str | None = None,
        order_by: Sequence[str] = (),
    ) -> Iterator[WireTraceInfo]:
        """Yield the traces of experiments without their spans, the last begun first.

        Args:
            experiment_ids: Where to look.
            filter_text: What to look for, in MLflow's grammar, as ``status = 'ERROR'``.
            order_by: Another order, as ``["execution_time_ms DESC"]``.

        Raises:
            InvalidFilter: The filter does not follow the grammar.
            NotFound: One of the ids is no experiment's.

        Example:
            >>> found = ws.traces.search([trace.experiment_id], "status = 'OK'")
            >>> [each.trace_id for each in found] == [trace.trace_id]
            True
        """
        places = [_place(each) for each in listed(experiment_ids, "experiment_ids")]

        def page(token: str | None) -> SearchTracesAnswer:
            query = SearchTraces(locations=places, filter=filter_text, order_by=[*order_by], page_token=token)
            return self._connection.post(f"{_TRACES}/search", query, SearchTracesAnswer, is_repeatable=True)

        for answer in pages(page):
            yield from answer.traces or ()

    def get(self, trace_id: str) -> WireTraceInfo:
        """Return a trace without its spans: its state, tags, metadata, and what is thought of it.

        Raises:
            NotFound: The workspace has no such trace.

        Example:
            >>> ws.traces.get(trace.trace_id).state
            'OK'
        """
        found = self._connection.get(_path(trace_id), TraceAnswer).trace.trace_info
        return found or WireTraceInfo()

    def get_spans(self, trace_id: str) -> list[dict[str, Any]]:
        """Return the spans of a trace, each one of OpenTelemetry's messages, the first begun first.

        Raises:
            NotFound: The workspace has no such trace, or none of its spans.

        Example:
            >>> ws.traces.get_spans(trace.trace_id)
            Traceback (most recent call last):
                ...
            runyard.errors.NotFound: ...
        """
        return self._connection.get(_SPANS, _Spans, _SpansOf(request_id=text(trace_id, "trace_id"))).spans

    def set_tag(self, trace_id: str, key: str, value: str) -> None:
        """Set a tag of a trace; others stay as they are.

        Raises:
            NotFound: The workspace has no such trace.

        Example:
            >>> ws.traces.set_tag(trace.trace_id, "stage", "test")
            >>> ws.traces.get(trace.trace_id).tags["stage"]
            'test'
        """
        self._connection.change(
            "PATCH", f"{_path(trace_id)}/tags", SetTraceTag(key=key, value=str(value)), Empty
        )

    def remove_tag(self, trace_id: str, key: str) -> None:
        """Remove a tag of a trace.

        Raises:
            NotFound: The workspace has no such trace, or it has no such tag.

        Example:
            >>> ws.traces.set_tag(trace.trace_id, "stage", "test")
            >>> ws.traces.remove_tag(trace.trace_id, "stage")
        """
        self._connection.delete(f"{_path(trace_id)}/tags", DeleteTraceTag(key=key), Empty)

    def assess(
        self,
        trace_id: str,
        name: str,
        value: Any,
        *,
        kind: str = "feedback",
        rationale: str | None = None,
        span_id: str | None = None,
        overrides: str | None = None,
    ) -> WireAssessment:
        """Say something of a trace or one of its spans in the caller's name, and return it as it is kept.

        Args:
            trace_id: The trace.
            name: What is said, as ``helpful``.
            value: A number, a text, True, False, or what JSON can hold.
            kind: ``feedback``, or ``expectation`` for what should have come out.
            rationale: Why.
            span_id: The one span that it is about.
            overrides: The id of an assessment that counts no more by this one.

        Raises:
            NotFound: The workspace has no such trace, or it has no such assessment.
            InvalidParameter: There is no such kind, or JSON can't hold the value.

        Example:
            >>> said = ws.traces.assess(trace.trace_id, "helpful", True, rationale="It knew.")
            >>> said.feedback.value
            True
        """
        if kind not in _KINDS:
            raise InvalidParameter(f"kind must be one of {', '.join(_KINDS)}, not {shown(kind)}.")
        _check_json(value)
        source = WireAssessmentSource(
            source_type="HUMAN", source_id=self._connection.get("/api/v1/caller", GetCallerAnswer).name
        )
        said = WireAssessment(
            assessment_name=text(name, "name"),
            span_id=span_id or UNSET,
            source=source,
            feedback=WireFeedback(value=value) if kind == "feedback" else UNSET,
            expectation=_expectation(value) if kind == "expectation" else UNSET,
            rationale=rationale or UNSET,
            overrides=overrides or UNSET,
        )
        body = CreateAssessment(assessment=said)
        return self._connection.post(f"{_path(trace_id)}/assessments", body, AssessmentAnswer).assessment

    def delete_assessment(self, trace_id: str, assessment_id: str) -> None:
        """Take an assessment back; one that it overrode counts again.

        Raises:
            NotFound: The workspace has no such trace.

        Example:
            >>> said = ws.traces.assess(trace.trace_id, "helpful", True)
            >>> ws.traces.delete_assessment(trace.trace_id, said.assessment_id)
            >>> ws.traces.get(trace.trace_id).assessments
            UNSET
        """
        one = named_segment(assessment_id, "assessment")
        self._connection.delete(f"{_path(trace_id)}/assessments/{one}", Empty(), Empty)

    def delete(self, experiment_id: str, trace_ids: Collection[str]) -> int:
        """Delete traces of an experiment for good, and return how many there were.

        Raises:
            NotFound: The workspace has no such experiment.
            InvalidParameter: No trace is named.

        Example:
            >>> ws.traces.delete(trace.experiment_id, [trace.trace_id])
            1
        """
        wanted = DeleteTraces(experiment_id=experiment_id, request_ids=list(listed(trace_ids, "trace_ids")))
        answer = self._connection.post(f"{_TRACES}/delete-traces", wanted, DeleteTracesAnswer)
        return answer.traces_deleted

    def list_sessions(self, experiment_id: str, filter_text: str | None = None) -> Iterator[WireTraceSession]:
        """Yield the sessions of an experiment's traces, the one with the last trace first.

        Raises:
            NotFound: The workspace has no such experiment.
            InvalidFilter: The filter does not follow the grammar.

        Example:
            >>> [each.session_id for each in ws.traces.list_sessions(trace.experiment_id)]
            ['s-1']
        """

        def page(token: str | None) -> ListTraceSessionsAnswer:
            query = ListTraceSessions(experiment_id=experiment_id, filter=filter_text, page_token=token)
            return self._connection.get("/api/v1/trace-sessions", ListTraceSessionsAnswer, query)

        for answer in pages(page):
            yield from answer.sessions


class HasTraces:
    """What a workspace has for the traces of applications."""

    _connection: Connection

    @property
    def traces(self) -> Traces:
        """The traces of its experiments.

        Example:
            >>> ws.traces.get(trace.trace_id).state
            'OK'
        """
        return Traces(self._connection)


def _place(experiment_id: str) -> WireTraceLocation:
    return WireTraceLocation(
        type="MLFLOW_EXPERIMENT", mlflow_experiment=WireMlflowExperiment(experiment_id=experiment_id)
    )


def _path(trace_id: str) -> str:
    return f"{_TRACES}/{named_segment(text(trace_id, 'trace_id'), 'trace')}"


def _check_json(value: Any) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise InvalidParameter(f"value must be what JSON can hold, not {shown(value)}.") from None


def _expectation(value: Any) -> WireExpectation:
    """Return what should have come out; protobuf has no form for more than plain values."""
    if value is None or isinstance(value, str | bool | int | float):
        return WireExpectation(value=value)
    kept = WireSerializedValue(serialization_format="JSON_FORMAT", value=json.dumps(value))
    return WireExpectation(serialized_value=kept)
