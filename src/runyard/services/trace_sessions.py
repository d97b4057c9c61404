"""What can be done with the sessions that traces are parts of: list them."""

from __future__ import annotations

from runyard.entities.trace_session import TraceSession
from runyard.protocol import limits
from runyard.protocol.messages.trace_sessions import ListTraceSessions
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.protocol.trace_filters import parse_trace_filter
from runyard.services.call import Call
from runyard.services.experiments import readable
from runyard.stores.metadata.base import Search

MAX_SESSIONS_PAGE = 500


def list_trace_sessions(call: Call, asked: ListTraceSessions) -> Page[TraceSession]:
    """Return a page of the sessions of an experiment, the one with the last trace first.

    A filter is over traces: a session is what those of its traces come to that it lets through.

    Raises:
        InvalidParameter: The page can't be so large, or the filter can't be read.
    """
    limits.check_page_size(asked.max_results, MAX_SESSIONS_PAGE)
    offset = parse_page_token(asked.page_token)
    within = readable(call, [asked.experiment_id])
    search = Search(
        workspace=call.workspace.name,
        experiment_ids=within,
        filter=parse_trace_filter(asked.filter),
        limit=asked.max_results + 1,
        offset=offset,
    )
    found = call.stores.metadata.trace_metrics.find_sessions(search) if within else []
    return page_of(found, asked.max_results, offset)
