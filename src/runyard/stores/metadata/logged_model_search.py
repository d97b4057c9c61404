"""Compiles a search for logged models to SQL; see ``search.py`` for what all searches share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select, true

from runyard.entities.experiment import LifecycleStage
from runyard.protocol.filter_tree import Comparison, Entity, Filter, comparisons_in
from runyard.protocol.ordering import Order
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_logged_models import MeasuredOn
from runyard.stores.metadata.schema import (
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
)
from runyard.stores.metadata.search import (
    Condition,
    Query,
    compared,
    directed,
    exists_by_row,
    has_pair,
    holds,
    number_holds,
    number_order,
    within,
)

_MAY_BE_EMPTY = ("status_message", "model_type", "source_run_id")


def logged_models_query(search: Search, measured_on: Sequence[MeasuredOn]) -> Query:
    """Return the query of the rows of ``logged_models`` that a search finds, in its order.

    What has no value for a sort key comes last; ties are broken by the last creation, then by the id.
    """
    query = select(logged_models).where(
        within(logged_models.c.experiment_id, search.workspace, search.experiment_ids),
        logged_models.c.lifecycle_stage == LifecycleStage.ACTIVE.value,
    )
    on_datasets = _on(measured_on)
    if search.filter is not None:
        query = query.where(holds(search.filter, lambda comparison: _holds(comparison, on_datasets)))
    if measured_on and not (search.filter and _compares_metrics(search.filter)):
        query = query.where(_has_metric(on_datasets))
    for each in search.order:
        query = _ordered(query, each)
    keys = {each.key for each in search.order if each.entity is Entity.ATTRIBUTE}
    if "created_ms" not in keys:
        query = query.order_by(logged_models.c.created_ms.desc())
    return query if "model_id" in keys else query.order_by(logged_models.c.model_id)


def _on(measured_on: Sequence[MeasuredOn]) -> Condition:
    if not measured_on:
        return true()
    columns = logged_model_metrics.c
    return or_(
        *(
            and_(columns.dataset_name == each.name, columns.dataset_digest == each.digest)
            if each.digest
            else columns.dataset_name == each.name
            for each in measured_on
        )
    )


def _compares_metrics(filter: Filter) -> bool:
    return any(comparison.entity is Entity.METRIC for comparison in comparisons_in(filter))


def _has_metric(*conditions: Condition) -> Condition:
    found = select(logged_model_metrics.c.key).where(
        logged_model_metrics.c.model_id == logged_models.c.model_id, *conditions
    )
    return exists_by_row(found)


def _holds(comparison: Comparison, on_datasets: Condition) -> Condition:
    if comparison.entity is Entity.ATTRIBUTE:
        return compared(_attribute(comparison.key), comparison.operator, comparison.value)
    if comparison.entity is Entity.METRIC:
        columns = logged_model_metrics.c
        return _has_metric(
            columns.key == comparison.key,
            number_holds(columns.value, columns.is_nan, comparison),
            on_datasets,
        )
    table = logged_model_params if comparison.entity is Entity.PARAM else logged_model_tags
    return has_pair(table, logged_models.c.model_id, comparison)


def _attribute(key: str) -> ColumnElement[Any]:
    """Return the column of an attribute; an experiment's id is compared as the text that a filter has."""
    column = logged_models.c[key]
    return cast(column, Text) if key == "experiment_id" else column


def _ordered(query: Query, order: Order) -> Query:
    if order.entity is Entity.ATTRIBUTE:
        column: ColumnElement[Any] = logged_models.c[order.key]
        if order.key in _MAY_BE_EMPTY:
            column = func.nullif(column, "")
        return query.order_by(directed(column, order))
    latest = _latest(order)
    query = query.outerjoin(latest, and_(latest.c.model_id == logged_models.c.model_id, latest.c.nth == 1))
    return query.order_by(*number_order(latest.c.value, latest.c.is_nan, order))


def _latest(order: Order) -> Any:
    """Return the points of a metric, numbered in each model from the latest on."""
    columns = logged_model_metrics.c
    nth = func.row_number().over(
        partition_by=columns.model_id,
        order_by=(columns.timestamp_ms.desc(), columns.step.desc(), columns.run_id, columns.value.desc()),
    )
    points = select(columns.model_id, columns.value, columns.is_nan, nth.label("nth"))
    points = points.where(columns.key == order.key)
    if order.dataset_name:
        points = points.where(columns.dataset_name == order.dataset_name)
    if order.dataset_digest:
        points = points.where(columns.dataset_digest == order.dataset_digest)
    return points.subquery()
