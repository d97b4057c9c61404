"""MLflow's routes about traces, of its second API; what both have stands in ``traces.py``."""

from __future__ import annotations

from msgspec import UNSET

from runyard.auth.permissions import Permission
from runyard.entities.trace import TraceState
from runyard.protocol.messages.common import mapping
from runyard.protocol.messages.traces import trace_state
from runyard.protocol.messages.traces_v2 import (
    BeginTrace,
    EndTrace,
    SearchTracesV2,
    SearchTracesV2Answer,
    TraceInfoV2Answer,
    begun_in,
    wire_trace_info_v2,
)
from runyard.protocol.wire import missing
from runyard.server.routing import Routes
from runyard.services import reach, traces
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/2.0/mlflow/traces"


@routes.post(
    _BASE, permits=Permission.CONTRIBUTE, of=reach.experiment, summary="Begin a trace (clients of MLflow 2)."
)
def begin_trace(call: Call, body: BeginTrace) -> TraceInfoV2Answer:
    """Make a trace that goes on."""
    trace = traces.begin_trace(call, begun_in(body, call.workspace.name))
    return TraceInfoV2Answer(trace_info=wire_trace_info_v2(trace))


@routes.get(_BASE, permits=Permission.READ, of=reach.searched, summary="Search traces (clients of MLflow 2).")
def search_traces(call: Call, body: SearchTracesV2) -> SearchTracesV2Answer:
    """Answer a page of traces."""
    if not body.experiment_ids:
        raise missing("experiment_ids")
    asked = traces.TracesAsked(
        body.experiment_ids, body.filter, body.order_by, body.max_results, body.page_token
    )
    page = traces.search_traces(call, asked)
    return SearchTracesV2Answer(
        traces=[wire_trace_info_v2(trace) for trace in page.items] or UNSET,
        next_page_token=page.next_token or UNSET,
    )


@routes.patch(
    f"{_BASE}/{{trace_id}}",
    permits=Permission.CONTRIBUTE,
    of=reach.trace,
    summary="Note how a trace ended (clients of MLflow 2).",
)
def end_trace(call: Call, body: EndTrace, trace_id: str) -> TraceInfoV2Answer:
    """End a trace."""
    state = trace_state(body.status)
    if state is TraceState.UNSPECIFIED:
        raise missing("status")
    ended = traces.Ending(body.timestamp_ms, state, mapping(body.request_metadata), mapping(body.tags))
    return TraceInfoV2Answer(trace_info=wire_trace_info_v2(traces.end_trace(call, trace_id, ended)))


@routes.get(
    f"{_BASE}/{{trace_id}}/info",
    permits=Permission.READ,
    of=reach.trace,
    summary="Get a trace without its spans (clients of MLflow 2).",
)
def get_trace_info(call: Call, trace_id: str) -> TraceInfoV2Answer:
    """Answer a trace."""
    return TraceInfoV2Answer(trace_info=wire_trace_info_v2(traces.get_trace(call, trace_id)))
