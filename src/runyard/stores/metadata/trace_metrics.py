"""Adds up in SQL what traces, their spans and their assessments tell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, distinct, func, select

from runyard.entities.trace import NAME_TAG, SESSION_KEY
from runyard.entities.trace_metrics import Aggregate, Aggregation, MetricPoint, MetricView
from runyard.entities.trace_session import TraceSession
from runyard.stores.database import Database
from runyard.stores.metadata import trace_sessions
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_trace_metrics import TraceMetricStore, TraceQuestion
from runyard.stores.metadata.schema_traces import (
    assessments,
    spans,
    trace_measures,
    trace_metadata,
    trace_tags,
    traces,
)
from runyard.stores.metadata.trace_search import traces_within

_MS = 1_000_000
_PLAIN: dict[Aggregate, Any] = {
    Aggregate.COUNT: func.count,
    Aggregate.SUM: func.sum,
    Aggregate.AVERAGE: func.avg,
    Aggregate.MINIMUM: func.min,
    Aggregate.MAXIMUM: func.max,
}
_SPAN_COSTS = ("input_cost", "output_cost", "total_cost")
_NAMES = trace_tags.alias()
_SESSIONS = trace_metadata.alias()
_DIMENSIONS: dict[str, ColumnElement[Any]] = {
    "trace_name": _NAMES.c.value,
    "trace_status": traces.c.state,
    "span_name": spans.c.name,
    "span_type": spans.c.type,
    "span_status": spans.c.status,
    "span_model_name": spans.c.model_name,
    "span_model_provider": spans.c.model_provider,
    "assessment_name": assessments.c.name,
    "assessment_value": assessments.c.value,
}
_COLUMNS: dict[tuple[MetricView, str], ColumnElement[Any]] = {
    (MetricView.TRACES, "trace_count"): traces.c.trace_number,
    (MetricView.TRACES, "session_count"): _SESSIONS.c.value,
    (MetricView.TRACES, "latency"): traces.c.execution_ms,
    (MetricView.SPANS, "span_count"): spans.c.span_id,
    (MetricView.SPANS, "latency"): (spans.c.ended_ns - spans.c.started_ns) // _MS,
    **{(MetricView.SPANS, name): spans.c[name] for name in _SPAN_COSTS},
    (MetricView.ASSESSMENTS, "assessment_count"): assessments.c.assessment_number,
    (MetricView.ASSESSMENTS, "assessment_value"): assessments.c.number,
}


@dataclass(frozen=True, slots=True)
class _Parts:
    """A question in SQL: what it reads, and by what it is told apart."""

    query: Select[Any]
    value: ColumnElement[Any]
    apart: list[ColumnElement[Any]]


class SqlTraceMetrics(TraceMetricStore):
    """Reads the tables of traces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def measure(self, question: TraceQuestion) -> list[MetricPoint]:
        parts = _parts(question)
        with self._database.reading() as connection:
            engine = connection.dialect.name
            added_up = [_added_up(each, parts.value, question, engine) for each in question.aggregations]
            query = parts.query.add_columns(*parts.apart, *added_up)
            query = query.group_by(*parts.apart).order_by(*parts.apart).limit(question.search.limit)
            rows = connection.execute(query).all()
        points = (_point(question, list(row)) for row in rows)
        return [point for point in points if point.values]

    def find_sessions(self, search: Search) -> list[TraceSession]:
        with self._database.reading() as connection:
            return trace_sessions.find_sessions(connection, search)


def _parts(question: TraceQuestion) -> _Parts:
    column = _COLUMNS.get((question.view, question.metric))
    value: ColumnElement[Any] = trace_measures.c.value if column is None else column
    query = _bounded(_joined(select().select_from(traces), question, is_measured=column is None), question)
    query = query.where(traces_within(question.search), value.is_not(None))
    apart: list[ColumnElement[Any]] = []
    if question.bucket_ms is not None:
        began_ms = spans.c.started_ns // _MS if question.view is MetricView.SPANS else traces.c.started_ms
        apart.append(began_ms - began_ms % question.bucket_ms)
    for name in question.dimensions:
        query = query.where(_DIMENSIONS[name].is_not(None))
        apart.append(_DIMENSIONS[name])
    return _Parts(query, value, apart)


def _joined(query: Select[Any], question: TraceQuestion, *, is_measured: bool) -> Select[Any]:
    if question.view is MetricView.SPANS:
        query = query.join(spans, spans.c.trace_number == traces.c.trace_number)
    if question.view is MetricView.ASSESSMENTS:
        query = query.join(assessments, assessments.c.trace_number == traces.c.trace_number)
        query = query.where(assessments.c.is_valid)
    table = spans if question.view is MetricView.SPANS else assessments
    query = query.where(*(table.c[name] == value for name, value in question.equal))
    if is_measured:
        is_it = trace_measures.c.key == question.metric
        query = query.join(
            trace_measures, and_(trace_measures.c.trace_number == traces.c.trace_number, is_it)
        )
    if question.metric == "session_count":
        is_it = and_(_SESSIONS.c.trace_number == traces.c.trace_number, _SESSIONS.c.key == SESSION_KEY)
        query = query.join(_SESSIONS, is_it)
    if "trace_name" in question.dimensions:
        is_it = and_(_NAMES.c.trace_number == traces.c.trace_number, _NAMES.c.key == NAME_TAG)
        query = query.join(_NAMES, is_it)
    return query


def _bounded(query: Select[Any], question: TraceQuestion) -> Select[Any]:
    """Bound a question in time: what spans cost by their own beginning, all else by that of the trace."""
    is_by_span = question.metric in _SPAN_COSTS
    began, unit = (spans.c.started_ns, _MS) if is_by_span else (traces.c.started_ms, 1)
    if question.from_ms is not None:
        query = query.where(began >= question.from_ms * unit)
    if question.until_ms is not None:
        query = query.where(began < (question.until_ms + 1) * unit)
    return query


def _added_up(
    aggregation: Aggregation, value: ColumnElement[Any], question: TraceQuestion, engine: str
) -> ColumnElement[Any]:
    if question.metric == "session_count":
        return func.count(distinct(value))
    if aggregation.percentile is None:
        added_up: ColumnElement[Any] = _PLAIN[aggregation.how](value)
        return added_up
    if engine == "sqlite":
        return func.percentile_of(value, aggregation.percentile)
    return func.percentile_cont(aggregation.percentile / 100).within_group(value)


def _point(question: TraceQuestion, row: list[Any]) -> MetricPoint:
    bucket_ms = None if question.bucket_ms is None else int(row.pop(0))
    named = zip(question.dimensions, row, strict=False)
    dimensions = {name: str(value) for name, value in named}
    counted = zip(question.aggregations, row[len(dimensions) :], strict=True)
    values = {each.label: float(value) for each, value in counted if value is not None}
    return replace(MetricPoint(values, dimensions), bucket_ms=bucket_ms)
