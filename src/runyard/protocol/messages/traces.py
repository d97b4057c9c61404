"""MLflow's messages about traces, of its third API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from runyard.entities.trace import Trace, TraceState
from runyard.protocol.messages.assessments import WireAssessment, assessment_in, wire_assessment
from runyard.protocol.messages.common import Int64, Wire
from runyard.protocol.span_content import span_message
from runyard.protocol.timestamps import duration_ms_of, duration_of, milliseconds_of, timestamp_of
from runyard.protocol.wire import invalid, missing

_IN_EXPERIMENT = "MLFLOW_EXPERIMENT"
_STATES = {
    **{str(number): state for number, state in enumerate(TraceState)},
    **{state.value: state for state in TraceState},
    "TRACE_STATUS_UNSPECIFIED": TraceState.UNSPECIFIED,
}


class WireMlflowExperiment(Wire):
    """An experiment as the place of a trace."""

    experiment_id: str = ""


class WireTraceLocation(Wire):
    """Where a trace is: of MLflow's places there is one here."""

    type: str | UnsetType = UNSET
    mlflow_experiment: WireMlflowExperiment | UnsetType = UNSET

    @property
    def experiment_id(self) -> str:
        """The experiment; empty if another place is named."""
        return self.mlflow_experiment.experiment_id if self.mlflow_experiment else ""


class WireTraceInfo(Wire):
    """A trace as a whole."""

    trace_id: str = ""
    client_request_id: str | UnsetType = UNSET
    trace_location: WireTraceLocation | UnsetType = UNSET
    request_preview: str | UnsetType = UNSET
    response_preview: str | UnsetType = UNSET
    request_time: str | UnsetType = UNSET
    execution_duration: str | UnsetType = UNSET
    state: str | Int64 | UnsetType = UNSET
    trace_metadata: dict[str, str] | UnsetType = UNSET
    tags: dict[str, str] | UnsetType = UNSET
    assessments: list[WireAssessment] | UnsetType = UNSET


class WireTrace(Wire):
    """A trace with its spans, which are OpenTelemetry's messages."""

    trace_info: WireTraceInfo | UnsetType = UNSET
    spans: list[dict[str, Any]] | UnsetType = UNSET


class StartTrace(Wire):
    """Body of ``POST traces``, which a client sends when a trace has ended."""

    trace: WireTrace


class GetTrace(Wire):
    """Query of ``GET traces/get``."""

    trace_id: str
    allow_partial: str = "false"


class BatchGetTraces(Wire):
    """Query of ``GET traces/batchGet``, body of ``POST traces/batchGetInfos``."""

    trace_ids: list[str]
    experiment_ids: list[str] | None = None


class SearchTraces(Wire):
    """Body of ``POST traces/search``."""

    locations: list[WireTraceLocation]
    filter: str | None = None
    max_results: Int64 = 100
    order_by: list[str] = []
    page_token: str | None = None


class SetTraceTag(Wire):
    """Body of ``PATCH traces/{trace_id}/tags``."""

    key: str
    value: str = ""


class DeleteTraceTag(Wire):
    """Body or query of ``DELETE traces/{trace_id}/tags``."""

    key: str


class DeleteTraces(Wire):
    """Body of ``POST traces/delete-traces``."""

    experiment_id: str
    max_timestamp_millis: Int64 | None = None
    max_traces: Int64 | None = None
    request_ids: list[str] = []


class LinkTracesToRun(Wire):
    """Body of ``POST traces/link-to-run``."""

    trace_ids: list[str]
    run_id: str


class PromptVersionRef(Wire):
    """A version of a prompt."""

    name: str
    version: str | Int64


class LinkPrompts(Wire):
    """Body of ``POST traces/link-prompts``."""

    trace_id: str
    prompt_versions: list[PromptVersionRef]


class TraceAnswer(Wire):
    """One trace."""

    trace: WireTrace


class TracesAnswer(Wire):
    """Traces with their spans."""

    traces: list[WireTrace] | UnsetType = UNSET


class TraceInfosAnswer(Wire):
    """Traces without their spans."""

    trace_infos: list[WireTraceInfo] | UnsetType = UNSET


class SearchTracesAnswer(Wire):
    """A page of traces without their spans."""

    traces: list[WireTraceInfo] | UnsetType = UNSET
    next_page_token: str | UnsetType = UNSET


class DeleteTracesAnswer(Wire, omit_defaults=False):
    """How many traces are gone."""

    traces_deleted: int


def trace_state(sent: str | int) -> TraceState:
    """Return the state that a request names by MLflow's word or number.

    Raises:
        InvalidParameter: There is no such state.
    """
    state = _STATES.get(str(sent))
    if state is None:
        raise invalid("state", sent, f"Expected one of {', '.join(each.value for each in TraceState)}.")
    return state


def trace_in(sent: WireTrace, workspace: str) -> Trace:
    """Return what a request tells of a trace.

    Raises:
        InvalidParameter: A field is missing or malformed.
    """
    told = sent.trace_info
    if isinstance(told, UnsetType):
        raise missing("trace.trace_info")
    if not told.trace_id:
        raise missing("trace.trace_info.trace_id")
    duration = told.execution_duration
    return Trace(
        trace_id=told.trace_id,
        workspace=workspace,
        experiment_id=told.trace_location.experiment_id if told.trace_location else "",
        started_ms=milliseconds_of(told.request_time, "request_time") if told.request_time else 0,
        execution_ms=duration_ms_of(duration, "execution_duration") if duration else None,
        state=TraceState.UNSPECIFIED if isinstance(told.state, UnsetType) else trace_state(told.state),
        client_request_id=told.client_request_id or None,
        request_preview=None if isinstance(told.request_preview, UnsetType) else told.request_preview,
        response_preview=None if isinstance(told.response_preview, UnsetType) else told.response_preview,
        metadata=told.trace_metadata or {},
        tags=told.tags or {},
        assessments=[assessment_in(each, told.trace_id) for each in told.assessments or []],
    )


def wire_trace_info(trace: Trace) -> WireTraceInfo:
    """Return a trace as MLflow writes it."""
    location = WireTraceLocation(
        type=_IN_EXPERIMENT, mlflow_experiment=WireMlflowExperiment(experiment_id=trace.experiment_id)
    )
    return WireTraceInfo(
        trace_id=trace.trace_id,
        client_request_id=trace.client_request_id or UNSET,
        trace_location=location,
        request_preview=UNSET if trace.request_preview is None else trace.request_preview,
        response_preview=UNSET if trace.response_preview is None else trace.response_preview,
        request_time=timestamp_of(trace.started_ms),
        execution_duration=UNSET if trace.execution_ms is None else duration_of(trace.execution_ms),
        state=trace.state.value,
        trace_metadata=dict(trace.metadata) or UNSET,
        tags=dict(trace.tags) or UNSET,
        assessments=[wire_assessment(each) for each in trace.assessments] or UNSET,
    )


def wire_trace(trace: Trace, contents: Sequence[str] = ()) -> WireTrace:
    """Return a trace with its spans as MLflow writes it."""
    spans = [span_message(content) for content in contents]
    return WireTrace(trace_info=wire_trace_info(trace), spans=spans or UNSET)
