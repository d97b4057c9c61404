"""Adds up in SQL what the traces of each session come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, select

from runyard.entities.trace import SESSION_KEY, TraceState
from runyard.entities.trace_session import TraceSession
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.schema_traces import trace_measures, trace_metadata, traces
from runyard.stores.metadata.trace_search import traces_within

_NAMED = trace_metadata.alias()
_IS_NAMED = and_(_NAMED.c.trace_number == traces.c.trace_number, _NAMED.c.key == SESSION_KEY)
_IS_TOKENS = and_(
    trace_measures.c.trace_number == traces.c.trace_number, trace_measures.c.key == "total_tokens"
)


def find_sessions(connection: Connection, search: Search) -> list[TraceSession]:
    """Return a page of sessions, the one with the last trace first."""
    last_ms = func.max(traces.c.started_ms).label("last_ms")
    query = (
        select(
            _NAMED.c.value.label("session_id"),
            func.count().label("trace_count"),
            func.sum(case((traces.c.state == TraceState.ERROR.value, 1), else_=0)).label("error_count"),
            func.sum(trace_measures.c.value).label("total_tokens"),
            func.min(traces.c.started_ms).label("first_ms"),
            last_ms,
        )
        .select_from(traces)
        .join(_NAMED, _IS_NAMED)
        .outerjoin(trace_measures, _IS_TOKENS)
        .where(traces_within(search))
        .group_by(_NAMED.c.value)
        .order_by(last_ms.desc(), _NAMED.c.value)
    )
    rows = connection.execute(query.limit(search.limit).offset(search.offset)).all()
    requests = _first_requests(connection, search, [row.session_id for row in rows])
    return [_session(row, requests.get(row.session_id)) for row in rows]


def _first_requests(
    connection: Connection, search: Search, session_ids: Sequence[str]
) -> dict[str, str | None]:
    """Return what the first trace of each session was asked."""
    order = func.row_number().over(
        partition_by=_NAMED.c.value, order_by=(traces.c.started_ms, traces.c.trace_id)
    )
    placed = (
        select(_NAMED.c.value, traces.c.request_preview, order.label("place"))
        .select_from(traces)
        .join(_NAMED, _IS_NAMED)
        .where(traces_within(search), _NAMED.c.value.in_(session_ids))
        .subquery()
    )
    found = connection.execute(select(placed.c.value, placed.c.request_preview).where(placed.c.place == 1))
    return {row.value: row.request_preview for row in found}


def _session(row: Row[Any], first_request: str | None) -> TraceSession:
    return TraceSession(
        session_id=row.session_id,
        trace_count=row.trace_count,
        error_count=int(row.error_count),
        total_tokens=None if row.total_tokens is None else int(row.total_tokens),
        first_request=first_request,
        first_ms=row.first_ms,
        last_ms=row.last_ms,
    )
