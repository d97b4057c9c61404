"""The queries that say what lies in the trash, and what of it a collection may take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, Table, and_, false, func, or_, select

from runyard.entities.experiment import LifecycleStage
from runyard.entities.trash import Retention, TrashKind
from runyard.stores.metadata.schema import (
    REMOVED,
    dataset_inputs,
    datasets,
    experiments,
    logged_model_tags,
    logged_models,
    runs,
    tags,
    workspaces,
)

Query: TypeAlias = Select[Any]
_DELETED = LifecycleStage.DELETED.value
_SET_BY_CLIENTS = "mlflow.%"
_READS_IT = select(dataset_inputs.c.run_number).where(dataset_inputs.c.dataset_id == datasets.c.dataset_id)


def in_trash(kind: TrashKind, workspace: str) -> Query:
    """Return the query of what can be brought back; runs and models of a deleted experiment among them."""
    return _all(kind, workspace).where(
        _table(kind).c.lifecycle_stage == _DELETED, experiments.c.lifecycle_stage != REMOVED
    )


def in_order(workspace: str, retentions: Sequence[Retention] | None) -> Iterator[tuple[TrashKind, Query]]:
    """Yield the queries of what may go, in the order in which it is to be taken.

    Without rules that is all there is. What has been begun is ended first, and an experiment goes after what
    lies in it. One with which nobody has begun is claimed before its runs, so that it vanishes as a whole.
    """
    if retentions is None:
        for kind in TrashKind:
            yield kind, _all(kind, workspace).order_by(_number(kind))
        return
    for kind in (TrashKind.RUN, TrashKind.LOGGED_MODEL, TrashKind.EXPERIMENT):
        yield kind, begun(kind, workspace).order_by(_number(kind))
    for kind in TrashKind:
        for retention in retentions:
            yield kind, not_begun(kind, workspace, retention).order_by(_number(kind))


def not_begun(kind: TrashKind, workspace: str, retention: Retention) -> Query:
    """Return the query of what of a kind may go, of that with which nobody has begun."""
    if kind is TrashKind.EXPERIMENT:
        return _removable_experiments(workspace, retention)
    if kind is TrashKind.RUN:
        return _removable_runs(workspace, retention)
    return _removable_models(workspace, retention)


def unused_datasets(workspace: str, retention: Retention) -> Query:
    """Return the query of the ids of datasets that no run reads."""
    return _within(_datasets(workspace).where(~_READS_IT.exists()), datasets, retention)


def datasets_once_collected(workspace: str, retention: Retention | None) -> Query:
    """Return the query of the ids of datasets that no run reads once all that may go has gone."""
    if retention is None:
        return _datasets(workspace)
    read = _READS_IT
    for going in (begun(TrashKind.RUN, workspace), _removable_runs(workspace, retention)):
        read = read.where(dataset_inputs.c.run_number.not_in(going.with_only_columns(runs.c.run_number)))
    return _within(_datasets(workspace).where(~read.exists()), datasets, retention)


def begun(kind: TrashKind, workspace: str) -> Query:
    """Return the query of what of a kind is being taken away, or lies in an experiment that is."""
    return _all(kind, workspace).where(
        or_(_table(kind).c.lifecycle_stage == REMOVED, experiments.c.lifecycle_stage == REMOVED)
    )


def _removable_experiments(workspace: str, retention: Retention) -> Query:
    query = (
        _experiments(workspace)
        .join(workspaces, workspaces.c.name == experiments.c.workspace)
        .where(
            experiments.c.lifecycle_stage == _DELETED,
            experiments.c.updated_ms <= retention.deleted_before_ms,
            experiments.c.experiment_id != workspaces.c.default_experiment_id,
        )
    )
    if retention.run_ids:
        return query.where(false())
    return _within(
        query.where(*(~_stays_in(table, retention) for table in (runs, logged_models))),
        experiments,
        retention,
    )


def _stays_in(table: Table, retention: Retention) -> ColumnElement[bool]:
    """Whether something of the table lies in an experiment and is not going with it."""
    inside = select(table.c.experiment_id).where(table.c.experiment_id == experiments.c.experiment_id)
    if retention.keeps_some:
        return inside.exists()
    is_younger = table.c.deleted_ms > retention.deleted_before_ms
    if table is runs:
        # One that was brought back by itself keeps its experiment. A logged model goes with it as in MLflow.
        return inside.where(or_(table.c.lifecycle_stage == LifecycleStage.ACTIVE.value, is_younger)).exists()
    return inside.where(is_younger).exists()


def _removable_runs(workspace: str, retention: Retention) -> Query:
    query = _in_workspace(runs, workspace).where(
        runs.c.lifecycle_stage == _DELETED,
        experiments.c.lifecycle_stage != REMOVED,
        runs.c.deleted_ms <= retention.deleted_before_ms,
    )
    if retention.run_ids:
        query = query.where(runs.c.run_id.in_(retention.run_ids))
    if retention.is_untagged:
        own = select(tags.c.key).where(
            tags.c.run_number == runs.c.run_number, tags.c.key.not_like(_SET_BY_CLIENTS)
        )
        query = query.where(~own.exists())
    if retention.keep_last:
        query = query.where(runs.c.run_number.not_in(_last(workspace, retention.keep_last)))
    return _within(query, runs, retention)


def _last(workspace: str, count: int) -> Query:
    """Return the query of the runs that started last among those in the trash of each experiment."""
    newest = (runs.c.started_ms.desc().nulls_last(), runs.c.run_number.desc())
    place = func.row_number().over(partition_by=runs.c.experiment_id, order_by=newest)
    ranked = (
        in_trash(TrashKind.RUN, workspace)
        .with_only_columns(runs.c.run_number, place.label("place"))
        .subquery()
    )
    return select(ranked.c.run_number).where(ranked.c.place <= count)


def _removable_models(workspace: str, retention: Retention) -> Query:
    query = _in_workspace(logged_models, workspace).where(experiments.c.lifecycle_stage != REMOVED)
    if retention.run_ids:
        return query.where(false())
    going = _removable_experiments(workspace, retention).with_only_columns(experiments.c.experiment_id)
    is_deleted = and_(
        logged_models.c.lifecycle_stage == _DELETED, logged_models.c.deleted_ms <= retention.deleted_before_ms
    )
    query = query.where(
        logged_models.c.lifecycle_stage != REMOVED,
        or_(is_deleted, logged_models.c.experiment_id.in_(going)),
    )
    if retention.is_untagged:
        own = select(logged_model_tags.c.key).where(
            logged_model_tags.c.model_id == logged_models.c.model_id,
            logged_model_tags.c.key.not_like(_SET_BY_CLIENTS),
        )
        query = query.where(~own.exists())
    return _within(query, logged_models, retention)


def _within(query: Query, table: Table, retention: Retention) -> Query:
    if retention.experiment_ids:
        query = query.where(table.c.experiment_id.in_([int(each) for each in retention.experiment_ids]))
    if retention.other_than_ids:
        query = query.where(table.c.experiment_id.not_in([int(each) for each in retention.other_than_ids]))
    return query


def _all(kind: TrashKind, workspace: str) -> Query:
    return _experiments(workspace) if kind is TrashKind.EXPERIMENT else _in_workspace(_table(kind), workspace)


def _experiments(workspace: str) -> Query:
    return select(experiments).where(experiments.c.workspace == workspace)


def _datasets(workspace: str) -> Query:
    is_its = experiments.c.experiment_id == datasets.c.experiment_id
    query = select(datasets.c.dataset_id).join(experiments, is_its)
    return query.where(experiments.c.workspace == workspace)


def _in_workspace(table: Table, workspace: str) -> Query:
    is_its = experiments.c.experiment_id == table.c.experiment_id
    return select(table).join(experiments, is_its).where(experiments.c.workspace == workspace)


def _table(kind: TrashKind) -> Table:
    return {TrashKind.EXPERIMENT: experiments, TrashKind.RUN: runs}.get(kind, logged_models)


def _number(kind: TrashKind) -> Any:
    (key,) = _table(kind).primary_key
    return key
