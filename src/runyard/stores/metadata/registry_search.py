"""Compiles searches for registered models and their versions to SQL; ``search.py`` has what all share.

Prompts are registered models too. A search finds them if it asks for MLflow's tag of prompts, and nothing
else then; else it finds everything but them. So that tag is a column, in the indexes behind the workspace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, false, not_, select, true

from runyard.entities.registered_model import IS_PROMPT_TAG
from runyard.protocol.filter_tree import Comparison, Entity, Filter, Operator, comparisons_in
from runyard.protocol.ordering import Order
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.schema_registry import (
    model_version_tags,
    model_versions,
    registered_model_tags,
    registered_models,
)
from runyard.stores.metadata.search import Condition, Query, compared, has_pair, holds


def registered_models_query(search: Search) -> Query:
    """Return the query of the rows of ``registered_models`` that a search finds, in its order."""
    table = registered_models
    query = select(table).where(table.c.workspace == search.workspace)
    query = _filtered(query, search.filter, table, registered_model_tags, table.c.model_number)
    query = _ordered(query, search.order, table)
    return query if _has(search.order, "name") else query.order_by(table.c.name)


def model_versions_query(search: Search) -> Query:
    """Return the query of the numbers of the rows of ``model_versions`` that a search finds.

    Without an order the last changed comes first. Ties are broken by name, then the highest number is first.
    """
    table = model_versions
    order = search.order or (Order(Entity.ATTRIBUTE, "updated_ms", ascending=False),)
    query = (
        select(table.c.version_number)
        .join(registered_models, registered_models.c.model_number == table.c.model_number)
        .where(registered_models.c.workspace == search.workspace)
    )
    if order[0].key != "name":
        # The same again, for the indexes of versions; without it the models are gone through by their names.
        query = query.where(table.c.workspace == search.workspace)
    query = _filtered(query, search.filter, table, model_version_tags, table.c.version_number)
    query = _ordered(query, order, table)
    if not _has(order, "name"):
        query = query.order_by(registered_models.c.name)
    return query if _has(order, "version") else query.order_by(table.c.version.desc())


def _filtered(query: Query, filter: Filter | None, table: Table, tags: Table, owner: Column[Any]) -> Query:
    query = query.where(table.c.is_prompt == (true() if _asks_for_prompts(filter) else false()))
    if filter is None:
        return query

    def holds_for(comparison: Comparison) -> Condition:
        if comparison.entity is Entity.ATTRIBUTE:
            return compared(_column(table, comparison.key), comparison.operator, comparison.value)
        if comparison.key == IS_PROMPT_TAG and comparison.operator in (Operator.EQUAL, Operator.NOT_EQUAL):
            # Everything that has not the tag counts as if it said "false", as for MLflow.
            return table.c.is_prompt if _means_prompts(comparison) else not_(table.c.is_prompt)
        return has_pair(tags, owner, comparison)

    return query.where(holds(filter, holds_for))


def _asks_for_prompts(filter: Filter | None) -> bool:
    return filter is not None and any(map(_means_prompts, comparisons_in(filter)))


def _means_prompts(comparison: Comparison) -> bool:
    if comparison.entity is not Entity.TAG or comparison.key != IS_PROMPT_TAG:
        return False
    said = (comparison.operator, str(comparison.value).lower())
    return said in ((Operator.EQUAL, "true"), (Operator.NOT_EQUAL, "false"))


def _ordered(query: Query, order: Sequence[Order], table: Table) -> Query:
    for each in order:
        column = _column(table, each.key)
        query = query.order_by(column.asc() if each.ascending else column.desc())
    return query


def _column(table: Table, key: str) -> ColumnElement[Any]:
    return registered_models.c.name if key == "name" else table.c[key]


def _has(order: Sequence[Order], key: str) -> bool:
    return any(each.key == key for each in order)
