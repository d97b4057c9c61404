"""What happens, kept for whoever operates the server: noted where it happens, told behind the requests.

An event is a row of the transaction that makes it happen. So it is there if and only if that is, whatever
happens to the process; one of the servers then writes it to its log and puts it on its way to webhooks.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from runyard.auth.permissions import Permission
from runyard.entities.event import Event, EventKind, EventSearch
from runyard.entities.run import Run, RunStatus
from runyard.entities.webhook import GIVEN_UP_AFTER_MS
from runyard.errors import Forbidden
from runyard.protocol import limits
from runyard.protocol.paging import Page, page_token, parse_page_token
from runyard.services.call import Call
from runyard.services.thresholds import note_crossings
from runyard.stores.opening import Stores

MAX_EVENTS_PAGE = 1000
TOLD_AT_ONCE = 100
KEPT_MS = 30 * 24 * 3600 * 1000
KEPT_EVENTS = 100_000

_log = logging.getLogger("runyard.events")

_ENDS = {
    RunStatus.FINISHED: (EventKind.RUN_FINISHED, "has finished"),
    RunStatus.FAILED: (EventKind.RUN_FAILED, "has failed"),
    RunStatus.KILLED: (EventKind.RUN_KILLED, "was killed"),
}


def note_begin(call: Call, run: Run) -> None:
    """Note in the transaction of this thread that a run begins, if a webhook names such events."""
    kind = EventKind.RUN_CREATED
    if call.stores.metadata.webhooks.is_anyone_told(kind, run.workspace):
        call.stores.metadata.events.add_event(_event(run, kind, "has begun", call.now_ms()))


def note_status(stores: Stores, run: Run, status: RunStatus | None, now_ms: int) -> None:
    """Note in the transaction of this thread that a run ends, if that is what its new status says."""
    if status is None or status is run.status or status not in _ENDS:
        return
    kind, what = _ENDS[status]
    stores.metadata.events.add_event(_event(run, kind, what, now_ms))


def _event(run: Run, kind: EventKind, what: str, now_ms: int) -> Event:
    return Event(
        kind=kind,
        workspace=run.workspace,
        happened_ms=now_ms,
        message=f"Run '{run.name}' of workspace '{run.workspace}' {what}.",
        subject={
            "run_id": run.run_id,
            "run_name": run.name,
            "experiment_id": run.experiment_id,
            "user_id": run.user_id,
        },
    )


def search_events(
    call: Call, search: EventSearch, page_token_: str | None, *, of_all_workspaces: bool
) -> Page[Event]:
    """Return a page of what happened in the workspace, the latest first.

    Args:
        call: Whose workspace, and who asks.
        search: Which events; its workspace is chosen here.
        page_token_: Where the page begins.
        of_all_workspaces: Whether to look at all of them, and at the server as a whole.

    Raises:
        Forbidden: That is asked for and the caller is no administrator.
        InvalidParameter: The page is too large, or its token is none.
    """
    limits.check_page_size(search.limit, MAX_EVENTS_PAGE)
    if of_all_workspaces and not (call.caller and call.caller.may(Permission.ADMINISTER, None)):
        raise Forbidden("The events of all workspaces are for administrators; leave 'all_workspaces' out.")
    asked = replace(
        search,
        workspace=None if of_all_workspaces else call.workspace.name,
        before_number=parse_page_token(page_token_) or None,
        limit=search.limit + 1,
    )
    found = call.stores.metadata.events.search_events(asked)
    if len(found) <= search.limit:
        return Page(found, None)
    # The number of the last one, and not how many come before it: new ones come before all the time.
    return Page(found[: search.limit], page_token(found[search.limit - 1].event_number))


def tell_new(stores: Stores, now_ms: int) -> int:
    """Write new events to the log and put them on their way to webhooks; return how many.

    One that dies in between is told by the next server: a line of the log may come twice, never not at all.
    """
    stores.database.retrying(lambda: note_crossings(stores, now_ms))
    count = 0
    while new := stores.metadata.events.list_new(TOLD_AT_ONCE):
        if stores.metadata.webhooks.list_thresholds():
            # A run that has ended is looked at once, with all its points: so one whose end came
            # after this is not among the new.
            stores.metrics.settle()
            if stores.metrics.is_behind:
                break
        told = stores.database.retrying(partial(_take, stores, new, now_ms))
        for event in told:
            _write_to_log(event)
        if not told:  # another server is at it
            break
        count += len(told)
    return count


def _take(stores: Stores, event_numbers: Sequence[int], now_ms: int) -> Sequence[Event]:
    with stores.atomic():
        events = stores.metadata.events.take_new(event_numbers)
        ended = [str(event.subject["run_id"]) for event in events if event.kind.ends_a_run]
        if ended:
            note_crossings(stores, now_ms, ended)
        webhooks = stores.metadata.webhooks.list_webhooks() if events else []
        pairs = [(event, hook.webhook_id) for event in events for hook in webhooks if hook.wants(event)]
        stores.metadata.webhooks.add_deliveries(pairs, now_ms)
    return events


def _write_to_log(event: Event) -> None:
    level = logging.WARNING if event.kind.is_a_warning else logging.INFO
    told = {"event": event.kind.value, "event_number": event.event_number, "workspace": event.workspace}
    # The attribute that the server's lines of JSON are made of.
    _log.log(level, "%s", event.message, extra={"asked": told | dict(event.subject)})


def forget_old(stores: Stores, now_ms: int) -> int:
    """Forget the events of more than 30 days ago, and all but the last 100,000.

    Whatever is still to be told stays: in the log, or for as long as they are tried to webhooks.
    """
    events, owed_since_ms = stores.metadata.events, now_ms - GIVEN_UP_AFTER_MS
    return stores.database.retrying(lambda: events.forget_old(now_ms - KEPT_MS, KEPT_EVENTS, owed_since_ms))
