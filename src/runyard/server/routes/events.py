"""Runyard's own route about what happened."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.entities.event import EventSearch
from runyard.protocol.messages.events import ListEvents, ListEventsAnswer, event_kinds, wire_event
from runyard.server.routing import Routes
from runyard.services import events
from runyard.services.call import Call

routes = Routes()


@routes.get(
    "/api/v1/events",
    permits=Permission.READ,
    summary="List what happened in the workspace; with `all_workspaces`, to administrators, on the server.",
)
def list_events(call: Call, body: ListEvents) -> ListEventsAnswer:
    """Answer a page of events."""
    search = EventSearch(
        workspace=None,
        kinds=event_kinds(body.kind, "kind"),
        since_ms=body.since_ms,
        limit=body.max_results,
    )
    page = events.search_events(call, search, body.page_token, of_all_workspaces=body.all_workspaces)
    return ListEventsAnswer(events=[wire_event(each) for each in page.items], next_page_token=page.next_token)
