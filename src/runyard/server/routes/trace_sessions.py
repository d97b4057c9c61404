"""Runyard's own route about the sessions of traces."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.protocol.messages.trace_sessions import (
    ListTraceSessions,
    ListTraceSessionsAnswer,
    wire_trace_session,
)
from runyard.server.routing import Routes
from runyard.services import reach, trace_sessions
from runyard.services.call import Call

routes = Routes()


@routes.get(
    "/api/v1/trace-sessions",
    permits=Permission.READ,
    of=reach.searched,
    summary="List the sessions of an experiment's traces, the one with the last trace first.",
)
def list_trace_sessions(call: Call, body: ListTraceSessions) -> ListTraceSessionsAnswer:
    """Answer a page of sessions."""
    page = trace_sessions.list_trace_sessions(call, body)
    return ListTraceSessionsAnswer(
        sessions=[wire_trace_session(each) for each in page.items], next_page_token=page.next_token
    )
