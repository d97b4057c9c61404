"""What traces that name the same session, a conversation for example, come to together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TraceSession:
    """One session of an experiment's traces; times are milliseconds since the epoch.

    Args:
        session_id: What its traces have as the metadata ``mlflow.trace.session``.
        trace_count: How many traces it has.
        error_count: How many of them failed.
        total_tokens: What they used of tokens; None where no trace tells.
        first_request: What the first one was asked, as far as it is shown.
        first_ms: When the first one began.
        last_ms: When the last one began.
    """

    session_id: str
    trace_count: int
    error_count: int
    total_tokens: int | None
    first_request: str | None
    first_ms: int
    last_ms: int
