"""Runyard's own messages about the sessions of traces."""

from __future__ import annotations

from runyard.entities.trace_session import TraceSession
from runyard.protocol.messages.common import Int64, Wire


class ListTraceSessions(Wire):
    """Query of ``GET /api/v1/trace-sessions``."""

    experiment_id: str
    filter: str | None = None
    max_results: Int64 = 100
    page_token: str | None = None


class WireTraceSession(Wire, omit_defaults=False):
    """What the traces of one session come to together."""

    session_id: str
    trace_count: int
    error_count: int
    total_tokens: int | None
    first_request: str | None
    first_ms: int
    last_ms: int


class ListTraceSessionsAnswer(Wire, omit_defaults=False):
    """A page of sessions, the one with the last trace first."""

    sessions: list[WireTraceSession]
    next_page_token: str | None


def wire_trace_session(session: TraceSession) -> WireTraceSession:
    """Return a session as Runyard writes it."""
    return WireTraceSession(
        session_id=session.session_id,
        trace_count=session.trace_count,
        error_count=session.error_count,
        total_tokens=session.total_tokens,
        first_request=session.first_request,
        first_ms=session.first_ms,
        last_ms=session.last_ms,
    )
