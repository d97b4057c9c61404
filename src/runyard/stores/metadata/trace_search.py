"""Compiles a search for traces to SQL; see ``search.py`` for what all searches share.

What is asked of spans must hold for one and the same span, as in MLflow, where comparisons are joined by AND.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, func, not_, or_, select, true

from runyard.entities.trace import SESSION_KEY
from runyard.protocol.filter_tree import (
    SPAN_ATTRIBUTE,
    SPAN_CONTENT,
    Comparison,
    Entity,
    Filter,
    Not,
    Operator,
    Or,
)
from runyard.protocol.ordering import Order
from runyard.stores.column_types import attribute_text
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.schema_traces import (
    assessments,
    span_attributes,
    spans,
    trace_metadata,
    trace_prompts,
    trace_runs,
    trace_tags,
    traces,
)
from runyard.stores.metadata.search import (
    Condition,
    Query,
    compared,
    directed,
    exists_by_row,
    has_pair,
    within,
)
from runyard.stores.metadata.span_attributes import attribute_hash

_NULLABLE = ("execution_ms", "client_request_id")


def traces_query(search: Search) -> Query:
    """Return the query of the rows of ``traces`` that a search finds, in its order.

    What has no value for a sort key comes last; ties are broken by the latest beginning, then by the id.
    """
    query = select(traces).where(traces_within(search))
    for each in search.order:
        query = _ordered(query, each)
    keys = {each.key for each in search.order if each.entity is Entity.ATTRIBUTE}
    if "started_ms" not in keys:
        query = query.order_by(traces.c.started_ms.desc())
    return query if "trace_id" in keys else query.order_by(traces.c.trace_id)


def traces_within(search: Search) -> Condition:
    """Return whether a trace is one that a search finds on whatever page."""
    inside = within(traces.c.experiment_id, search.workspace, search.experiment_ids)
    return inside if search.filter is None else and_(inside, Conditions(search).of(search.filter))


class Conditions:
    """Makes conditions of filters over the traces of some experiments."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def of(self, filter: Filter | None) -> Condition:
        """Return the condition of a filter, which is never null."""
        if filter is None:
            return true()
        if isinstance(filter, Or):
            return or_(*(self.of(term) for term in filter.terms))
        if isinstance(filter, Not):
            return not_(self.of(filter.term))
        if isinstance(filter, Comparison):
            return self._holds(filter)
        of_spans = [term for term in filter.terms if _is_of_span(term)]
        others = [self.of(term) for term in filter.terms if not _is_of_span(term)]
        return and_(*others, *([_some_span(of_spans)] if of_spans else []))

    def _holds(self, comparison: Comparison) -> Condition:
        entity = comparison.entity
        if entity is Entity.SPAN:
            return _some_span([comparison])
        if entity in (Entity.FEEDBACK, Entity.EXPECTATION):
            return self._is_assessed(comparison)
        if entity is Entity.ATTRIBUTE:
            return _attribute_holds(comparison)
        if entity in (Entity.TAG, Entity.METADATA):
            table = trace_tags if entity is Entity.TAG else trace_metadata
            return has_pair(table, traces.c.trace_number, comparison)
        if entity is Entity.PROMPT_LINK:
            return _is_linked(trace_prompts, trace_prompts.c.prompt == comparison.value)
        if entity is Entity.RUN_LINK:
            noted = Comparison(Entity.METADATA, comparison.key, comparison.operator, comparison.value)
            return or_(_is_linked(trace_runs, trace_runs.c.run_id == comparison.value), self._holds(noted))
        is_issue = and_(assessments.c.kind == "issue", assessments.c.name == comparison.value)
        return _is_linked(assessments, is_issue)

    def _is_assessed(self, comparison: Comparison) -> Condition:
        """Whether a trace has such an assessment, or its session has one that was given to all of it."""
        is_it = and_(
            assessments.c.kind == comparison.entity.value,
            assessments.c.name == comparison.key,
            assessments.c.is_valid,
            _value_holds(comparison),
        )
        own = _is_linked(assessments, is_it)
        mine, theirs, other = trace_metadata.alias(), trace_metadata.alias(), traces.alias()
        # Asked once and not for each trace: the sessions that have such an assessment.
        sessions = (
            select(theirs.c.value)
            .select_from(assessments)
            .join(other, other.c.trace_number == assessments.c.trace_number)
            .join(theirs, and_(theirs.c.trace_number == other.c.trace_number, theirs.c.key == SESSION_KEY))
            .where(assessments.c.is_of_session, is_it)
            .where(within(other.c.experiment_id, self._search.workspace, self._search.experiment_ids))
        )
        of_session = select(mine.c.trace_number).where(
            mine.c.trace_number == traces.c.trace_number,
            mine.c.key == SESSION_KEY,
            mine.c.value.in_(sessions),
        )
        found = or_(own, exists_by_row(of_session))
        return not_(found) if comparison.operator is Operator.IS_NULL else found


def _is_of_span(term: Filter) -> bool:
    return isinstance(term, Comparison) and term.entity is Entity.SPAN


def _is_linked(table: Table, condition: Condition) -> Condition:
    found = select(table.c.trace_number).where(table.c.trace_number == traces.c.trace_number, condition)
    return exists_by_row(found)


def _some_span(comparisons: Sequence[Any]) -> Condition:
    found = _is_linked(spans, and_(*(_span_holds(each) for each in comparisons)))
    hashes = [
        attribute_hash(each.key[len(SPAN_ATTRIBUTE) :], str(each.value))
        for each in comparisons
        if each.key.startswith(SPAN_ATTRIBUTE) and each.operator is Operator.EQUAL
    ]
    return and_(*(_has_hash(each) for each in hashes), found)


def _has_hash(hashed: int) -> Condition:
    having = select(span_attributes.c.trace_number).where(span_attributes.c.hash == hashed)
    return traces.c.trace_number.in_(having)


def _span_holds(comparison: Comparison) -> Condition:
    operator, value = comparison.operator, comparison.value
    if not comparison.key.startswith(SPAN_ATTRIBUTE):
        # A type may be missing: no comparison holds for it then, as an EXISTS takes null for no.
        return compared(spans.c[comparison.key], operator, value)
    key = comparison.key[len(SPAN_ATTRIBUTE) :]
    # Most spans can be told not to have it without reading their JSON.
    content, written = spans.c[SPAN_CONTENT], json.dumps(key, ensure_ascii=False)
    may_be_there = func.replace(content, written, "") != content
    return and_(may_be_there, compared(attribute_text(content, key), operator, value))


def _value_holds(comparison: Comparison) -> Condition:
    """The condition of a comparison with the value of an assessment, which is JSON."""
    operator, value = comparison.operator, comparison.value
    if operator in (Operator.IS_NULL, Operator.IS_NOT_NULL):
        return true()
    if operator in (Operator.EQUAL, Operator.NOT_EQUAL):
        is_equal = assessments.c.value.in_(_as_json(str(value)))
        return is_equal if operator is Operator.EQUAL else not_(is_equal)
    if operator in (Operator.LIKE, Operator.ILIKE, Operator.RLIKE):
        return compared(assessments.c.value, operator, value)
    return and_(assessments.c.is_numeric, compared(assessments.c.number, operator, value))


def _as_json(written: str) -> list[str]:
    """Return how a value that a filter writes may be stored: protobuf makes 5.0 of 5 on its way."""
    forms = [written, json.dumps(written, ensure_ascii=False)]
    try:
        number = float(written)
    except ValueError:
        return forms
    return [*forms, str(number), str(int(number))] if abs(number) < 2**53 and number == int(number) else forms


def _attribute_holds(comparison: Comparison) -> Condition:
    if comparison.key == "ended_ms":
        return compared(_ended_ms(), comparison.operator, comparison.value)
    column = traces.c[comparison.key]
    condition = compared(column, comparison.operator, comparison.value)
    return and_(column.is_not(None), condition) if comparison.key in _NULLABLE else condition


def _ended_ms() -> ColumnElement[Any]:
    return traces.c.started_ms + func.coalesce(traces.c.execution_ms, 0)


def _ordered(query: Query, order: Order) -> Query:
    if order.entity is Entity.ATTRIBUTE:
        column = _ended_ms() if order.key == "ended_ms" else traces.c[order.key]
        return query.order_by(directed(column, order))
    table = (trace_tags if order.entity is Entity.TAG else trace_metadata).alias()
    is_its = and_(table.c.trace_number == traces.c.trace_number, table.c.key == order.key)
    return query.outerjoin(table, is_its).order_by(directed(table.c.value, order))
