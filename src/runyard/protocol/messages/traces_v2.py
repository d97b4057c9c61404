"""MLflow's messages about traces, of its second API: what clients of 2.14 to 2.22 send."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from runyard.entities.trace import Trace, TraceState
from runyard.protocol.messages.common import Int64, KeyValue, Wire, key_values, mapping

_UNSPECIFIED = "TRACE_STATUS_UNSPECIFIED"


class BeginTrace(Wire):
    """Body of ``POST traces``."""

    experiment_id: str = ""
    timestamp_ms: Int64 = 0
    request_metadata: list[KeyValue] = []
    tags: list[KeyValue] = []


class EndTrace(Wire):
    """Body of ``PATCH traces/{trace_id}``."""

    timestamp_ms: Int64 = 0
    status: str | Int64 = _UNSPECIFIED
    request_metadata: list[KeyValue] = []
    tags: list[KeyValue] = []
    request_id: str | None = None


class SearchTracesV2(Wire):
    """Query of ``GET traces``."""

    experiment_ids: list[str]
    filter: str | None = None
    max_results: Int64 = 100
    order_by: list[str] = []
    page_token: str | None = None


class WireTraceInfoV2(Wire, omit_defaults=False):
    """A trace as a whole."""

    request_id: str
    experiment_id: str
    timestamp_ms: int
    execution_time_ms: int
    status: str
    request_metadata: list[KeyValue] | UnsetType = UNSET
    tags: list[KeyValue] | UnsetType = UNSET


class TraceInfoV2Answer(Wire, omit_defaults=False):
    """One trace."""

    trace_info: WireTraceInfoV2


class SearchTracesV2Answer(Wire):
    """A page of traces."""

    traces: list[WireTraceInfoV2] | UnsetType = UNSET
    next_page_token: str | UnsetType = UNSET


def begun_in(sent: BeginTrace, workspace: str) -> Trace:
    """Return the trace that a request begins; its id is the server's to draw."""
    return Trace(
        trace_id="",
        workspace=workspace,
        experiment_id=sent.experiment_id,
        started_ms=sent.timestamp_ms,
        metadata=mapping(sent.request_metadata),
        tags=mapping(sent.tags),
    )


def wire_trace_info_v2(trace: Trace) -> WireTraceInfoV2:
    """Return a trace as MLflow 2 writes it."""
    return WireTraceInfoV2(
        request_id=trace.trace_id,
        experiment_id=trace.experiment_id,
        timestamp_ms=trace.started_ms,
        execution_time_ms=trace.execution_ms or 0,
        status=_UNSPECIFIED if trace.state is TraceState.UNSPECIFIED else trace.state.value,
        request_metadata=key_values(trace.metadata) or UNSET,
        tags=key_values(trace.tags) or UNSET,
    )
