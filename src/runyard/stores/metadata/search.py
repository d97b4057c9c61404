"""Compiles a search for experiments to SQL, and what it shares with the one for logged models.

Every value is a bound parameter. What hangs on an object (params, tags, metrics) is asked for by ``EXISTS``,
so that no join multiplies rows; sort keys are joined, each at most one row an object. Runs, of which there
are many more, have a search of their own: ``run_search.py``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Column, ColumnElement, Select, Table, and_, case, false, literal, not_, or_, select

from runyard.entities.experiment import View
from runyard.errors import InvalidParameter
from runyard.protocol.filter_tree import And, Comparison, Entity, Filter, Not, Operator, Or
from runyard.protocol.ordering import Order
from runyard.protocol.patterns import pattern_of
from runyard.stores.column_types import lowered, matched
from runyard.stores.metadata.schema import experiment_tags, experiments

MAX_EXPERIMENTS = 10_000

Condition: TypeAlias = ColumnElement[bool]
Query: TypeAlias = Select[Any]

_OPERATIONS: dict[Operator, Callable[[Any, Any], Condition]] = {
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.IN: lambda column, values: column.in_(values),
    Operator.NOT_IN: lambda column, values: column.not_in(values),
}


def experiments_query(*, workspace: str, view: View, filter: Filter | None, order: Sequence[Order]) -> Query:
    """Return the query of the rows of ``experiments`` that a search finds.

    Without an order the last created comes first. Ties are broken by the id: the newest first where
    an order was asked for, the oldest first else, as MLflow does.
    """
    query = select(experiments).where(
        experiments.c.workspace == workspace,
        any_of(experiments.c.lifecycle_stage, [stage.value for stage in view.stages]),
    )
    if filter is not None:
        query = query.where(holds(filter, _experiment_holds))
    if not order:
        return query.order_by(experiments.c.created_ms.desc(), experiments.c.experiment_id)
    for each in order:
        query = query.order_by(directed(experiments.c[each.key], each))
    return query.order_by(experiments.c.experiment_id.desc())


def holds(filter: Filter, compare: Callable[[Comparison], Condition]) -> Condition:
    """Return the condition that a filter's tree makes of the condition, never null, of each comparison."""
    if isinstance(filter, And):
        return and_(*(holds(term, compare) for term in filter.terms))
    if isinstance(filter, Or):
        return or_(*(holds(term, compare) for term in filter.terms))
    return not_(holds(filter.term, compare)) if isinstance(filter, Not) else compare(filter)


def within(column: Column[Any], workspace: str, experiment_ids: Sequence[str]) -> Condition:
    """Return whether an experiment is one of these and of the workspace.

    Raises:
        InvalidParameter: There are more experiments than one statement takes.
    """
    known = select(experiments.c.experiment_id).where(
        experiments.c.workspace == workspace,
        any_of(experiments.c.experiment_id, experiment_numbers(experiment_ids)),
    )
    # One experiment is the usual case, and an equality lets the index give the rows in order.
    return column == known.scalar_subquery() if len(experiment_ids) == 1 else column.in_(known)


def experiment_numbers(experiment_ids: Sequence[str]) -> list[int]:
    """Return the ids of experiments as the tables have them.

    Raises:
        InvalidParameter: There are more experiments than one statement takes.
    """
    if len(experiment_ids) > MAX_EXPERIMENTS:
        raise InvalidParameter(
            f"'experiment_ids' has {len(experiment_ids)} entries; at most {MAX_EXPERIMENTS} are allowed."
        )
    return [int(experiment_id) for experiment_id in experiment_ids]


def any_of(column: Column[Any], values: Sequence[Any]) -> Condition:
    """Return whether a column has one of the values."""
    return column == values[0] if len(values) == 1 else column.in_(values)


def compared(column: ColumnElement[Any], by: Operator, value: Any) -> Condition:
    """Return the condition that an operator makes of a column and a value.

    In a pattern of ``LIKE`` only ``%`` and ``_`` are special, on every database.
    """
    if by is Operator.RLIKE:
        return matched(column, str(value), pattern_of(str(value)).for_postgres)
    if by not in (Operator.LIKE, Operator.ILIKE):
        return _OPERATIONS[by](column, value)
    pattern, escape = str(value), None
    if "\\" in pattern:
        pattern, escape = pattern.replace("|", "||"), "|"
    if by is Operator.LIKE:
        return column.like(pattern, escape=escape)
    return lowered(column).like(lowered(literal(pattern)), escape=escape)


def has_pair(table: Table, owner: Column[Any], comparison: Comparison) -> Condition:
    """Return the condition of a comparison with a param or a tag; only ``IS NULL`` holds without the key."""
    found = select(table.c.key).where(table.c[owner.name] == owner, table.c.key == comparison.key)
    if comparison.operator is Operator.IS_NULL:
        return ~exists_by_row(found)
    if comparison.operator is Operator.IS_NOT_NULL:
        return exists_by_row(found)
    return exists_by_row(found.where(compared(table.c.value, comparison.operator, comparison.value)))


def exists_by_row(found: Query) -> Condition:
    """Return whether a row has what is ``found`` for it, looked up row by row.

    PostgreSQL would make a join of every ``EXISTS``, and its planner takes minutes for a hundred joins.
    """
    return found.suffix_with("OFFSET 0", dialect="postgresql").exists()


def number_holds(value: ColumnElement[Any], is_nan: ColumnElement[bool], comparison: Comparison) -> Condition:
    """Return the condition of a comparison with a number that may be NaN, which is unlike every number."""
    condition = compared(value, comparison.operator, comparison.value)
    if comparison.operator is Operator.NOT_EQUAL:
        return or_(condition, is_nan)
    return and_(condition, is_nan.is_(false()))


def directed(column: ColumnElement[Any], order: Order) -> ColumnElement[Any]:
    """Return a column as a sort key, what has no value last."""
    return (column.asc() if order.ascending else column.desc()).nulls_last()


def number_order(
    value: ColumnElement[Any], is_nan: ColumnElement[bool], order: Order
) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Return the sort keys of a number that may be NaN or missing: numbers, then NaN, then nothing."""
    return case((value.is_(None), 2), (is_nan, 1), else_=0), directed(value, order)


def _experiment_holds(comparison: Comparison) -> Condition:
    if comparison.entity is Entity.TAG:
        return has_pair(experiment_tags, experiments.c.experiment_id, comparison)
    value: Any = comparison.value
    if comparison.key == "experiment_id":
        value = tuple(map(_whole, value)) if isinstance(value, tuple) else _whole(value)
    return compared(experiments.c[comparison.key], comparison.operator, value)


def _whole(value: Any) -> int:
    """Return an id as a number of 64 bits; one beyond them names no experiment."""
    return int(value) if abs(float(value)) < 2**63 else -1
