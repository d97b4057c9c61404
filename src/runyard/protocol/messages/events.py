"""Runyard's own messages about what happened."""

from __future__ import annotations

from collections.abc import Iterable

from runyard.entities.event import Event, EventKind
from runyard.protocol.messages.common import Int64, Wire
from runyard.protocol.wire import invalid


class ListEvents(Wire):
    """Query of ``GET /api/v1/events``."""

    kind: list[str] = []
    since_ms: Int64 = 0
    all_workspaces: bool = False
    max_results: Int64 = 100
    page_token: str | None = None


class WireEvent(Wire, omit_defaults=False):
    """One thing that happened; without a workspace, to the server as a whole."""

    event_number: int
    kind: str
    workspace: str | None
    happened_ms: int
    message: str
    subject: dict[str, str | int | float | None]


class ListEventsAnswer(Wire, omit_defaults=False):
    """A page of events, the latest first."""

    events: list[WireEvent]
    next_page_token: str | None


def event_kinds(words: Iterable[str], field: str) -> tuple[EventKind, ...]:
    """Return the kinds of events that words name.

    Raises:
        InvalidParameter: One of them names none.
    """
    known = {kind.value: kind for kind in EventKind}
    for word in words:
        if word not in known:
            raise invalid(field, word, f"Expected one of {', '.join(known)}.")
    return tuple(known[word] for word in words)


def wire_event(event: Event) -> WireEvent:
    """Return an event as Runyard writes it."""
    return WireEvent(
        event_number=event.event_number,
        kind=event.kind.value,
        workspace=event.workspace,
        happened_ms=event.happened_ms,
        message=event.message,
        subject=dict(event.subject),
    )
