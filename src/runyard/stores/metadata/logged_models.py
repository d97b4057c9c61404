"""Logged models in SQL: their rows, params, tags and metrics."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, exists, select, update

from runyard.entities.experiment import LifecycleStage
from runyard.entities.logged_model import LoggedModel, LoggedModelMetric, LoggedModelStatus
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.database import Database, chunks, insert_if_free, insert_missing, upsert
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_logged_models import LoggedModelStore, MeasuredOn
from runyard.stores.metadata.logged_model_search import logged_models_query
from runyard.stores.metadata.schema import (
    REMOVED,
    experiments,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
    runs,
)
from runyard.stores.metadata.schema_registry import model_versions


class SqlLoggedModels(LoggedModelStore):
    """Keeps logged models in the table ``logged_models`` and what hangs on them in a table each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_logged_model(self, model: LoggedModel) -> None:
        row = {
            "model_id": model.model_id,
            "experiment_id": int(model.experiment_id),
            "name": model.name,
            "artifact_uri": model.artifact_uri,
            "created_ms": model.created_ms,
            "updated_ms": model.updated_ms,
            "status": model.status.value,
            "status_message": model.status_message,
            "model_type": model.model_type,
            "source_run_id": model.source_run_id,
            "lifecycle_stage": LifecycleStage.ACTIVE.value,
        }
        with self._database.writing() as connection:
            if not insert_if_free(connection, logged_models, row):
                raise AlreadyExists(f"Logged model with ID '{model.model_id}' already exists.")
            insert_missing(connection, logged_model_params, _pairs(model.model_id, model.params))
            insert_missing(connection, logged_model_tags, _pairs(model.model_id, model.tags))

    def get_logged_model(self, workspace: str, model_id: str, or_deleted: bool = False) -> LoggedModel:
        query = (
            select(logged_models)
            .join(experiments, experiments.c.experiment_id == logged_models.c.experiment_id)
            .where(
                logged_models.c.model_id == model_id,
                logged_models.c.lifecycle_stage != REMOVED,
                experiments.c.workspace == workspace,
                experiments.c.lifecycle_stage != REMOVED,
            )
        )
        if not or_deleted:
            query = query.where(logged_models.c.lifecycle_stage == LifecycleStage.ACTIVE.value)
        query = self._database.locked(query, logged_models)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                raise _not_found(model_id)
            return _models(connection, [row], workspace)[0]

    def set_model_status(self, model_id: str, status: LoggedModelStatus, now_ms: int) -> None:
        self._update(model_id, status=status.value, updated_ms=now_ms)

    def delete_logged_model(self, model_id: str, now_ms: int) -> None:
        stage = LifecycleStage.DELETED.value
        self._update(model_id, lifecycle_stage=stage, updated_ms=now_ms, deleted_ms=now_ms)

    def delete_unfinished(self, experiment_name: str, tag: str, created_before_ms: int, now_ms: int) -> int:
        of_name = select(experiments.c.experiment_id).where(experiments.c.name == experiment_name)
        is_tagged = exists().where(
            logged_model_tags.c.model_id == logged_models.c.model_id, logged_model_tags.c.key == tag
        )
        is_named = exists().where(model_versions.c.model_id == logged_models.c.model_id)
        query = update(logged_models).where(
            logged_models.c.experiment_id.in_(of_name),
            logged_models.c.lifecycle_stage == LifecycleStage.ACTIVE.value,
            logged_models.c.created_ms < created_before_ms,
            logged_models.c.status == LoggedModelStatus.PENDING.value,
            is_tagged,
            ~is_named,
        )
        gone = {"lifecycle_stage": LifecycleStage.DELETED.value, "updated_ms": now_ms, "deleted_ms": now_ms}
        with self._database.writing() as connection:
            return connection.execute(query.values(**gone)).rowcount

    def restore_logged_model(self, model_id: str, now_ms: int) -> None:
        stage = LifecycleStage.ACTIVE.value
        self._update(model_id, lifecycle_stage=stage, updated_ms=now_ms, deleted_ms=None)

    def add_model_params(self, model_id: str, params: Mapping[str, str]) -> None:
        with self._database.writing() as connection:
            insert_missing(connection, logged_model_params, _pairs(model_id, params))

    def set_model_tags(self, model_id: str, tags: Mapping[str, str]) -> None:
        if tags:
            with self._database.writing() as connection:
                upsert(connection, logged_model_tags, _pairs(model_id, tags), ["value"])

    def delete_model_tag(self, model_id: str, key: str) -> bool:
        where = (logged_model_tags.c.model_id == model_id, logged_model_tags.c.key == key)
        with self._database.writing() as connection:
            return connection.execute(delete(logged_model_tags).where(*where)).rowcount > 0

    def append_metrics(self, model_id: str, metrics: Sequence[LoggedModelMetric]) -> None:
        with self._database.writing() as connection:
            for run_id in {metric.run_id for metric in metrics}:
                if not _share_workspace(connection, model_id, run_id):
                    raise _not_found(model_id)
            rows = [
                {
                    "model_id": model_id,
                    "key": metric.key,
                    "run_id": metric.run_id,
                    "timestamp_ms": metric.timestamp_ms,
                    "step": metric.step,
                    "value": 0.0 if math.isnan(metric.value) else metric.value,
                    "is_nan": math.isnan(metric.value),
                    "dataset_name": metric.dataset_name or "",
                    "dataset_digest": metric.dataset_digest or "",
                }
                for metric in metrics
            ]
            insert_missing(connection, logged_model_metrics, rows)

    def search_logged_models(
        self, search: Search, measured_on: Sequence[MeasuredOn] = ()
    ) -> list[LoggedModel]:
        query = logged_models_query(search, measured_on).limit(search.limit).offset(search.offset)
        with self._database.reading() as connection:
            return _models(connection, connection.execute(query).all(), search.workspace)

    def _update(self, model_id: str, **values: Any) -> None:
        with self._database.writing() as connection:
            where = logged_models.c.model_id == model_id
            connection.execute(update(logged_models).where(where).values(**values))


def _not_found(model_id: str) -> NotFound:
    return NotFound(f"Logged model with ID '{model_id}' not found.")


def _pairs(model_id: str, pairs: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"model_id": model_id, "key": key, "value": value} for key, value in pairs.items()]


def _share_workspace(connection: Connection, model_id: str, run_id: str) -> bool:
    of_run = (
        select(experiments.c.workspace)
        .join(runs, runs.c.experiment_id == experiments.c.experiment_id)
        .where(runs.c.run_id == run_id)
    )
    shared = (
        select(logged_models.c.model_id)
        .join(experiments, experiments.c.experiment_id == logged_models.c.experiment_id)
        .where(logged_models.c.model_id == model_id, experiments.c.workspace == of_run.scalar_subquery())
    )
    return connection.execute(shared).first() is not None


def _models(connection: Connection, rows: Sequence[Row[Any]], workspace: str) -> list[LoggedModel]:
    """Return rows as models with all that hangs on them: one query a table, never one a model."""
    model_ids = [row.model_id for row in rows]
    params = _pairs_of(connection, logged_model_params, model_ids)
    tags = _pairs_of(connection, logged_model_tags, model_ids)
    metrics = _metrics_of(connection, model_ids)
    return [
        LoggedModel(
            model_id=row.model_id,
            workspace=workspace,
            experiment_id=str(row.experiment_id),
            name=row.name,
            artifact_uri=row.artifact_uri,
            created_ms=row.created_ms,
            updated_ms=row.updated_ms,
            status=LoggedModelStatus(row.status),
            model_type=row.model_type,
            source_run_id=row.source_run_id,
            status_message=row.status_message,
            params=params.get(row.model_id, {}),
            tags=tags.get(row.model_id, {}),
            metrics=tuple(metrics.get(row.model_id, ())),
        )
        for row in rows
    ]


def _pairs_of(connection: Connection, table: Table, model_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    pairs: dict[str, dict[str, str]] = defaultdict(dict)
    for row in _rows(connection, table, model_ids, "key"):
        pairs[row.model_id][row.key] = row.value
    return pairs


def _metrics_of(connection: Connection, model_ids: Sequence[str]) -> dict[str, list[LoggedModelMetric]]:
    metrics: dict[str, list[LoggedModelMetric]] = defaultdict(list)
    for row in _rows(connection, logged_model_metrics, model_ids, "key", "timestamp_ms", "step"):
        point = LoggedModelMetric(
            key=row.key,
            value=math.nan if row.is_nan else row.value,
            timestamp_ms=row.timestamp_ms,
            step=row.step,
            run_id=row.run_id,
            dataset_name=row.dataset_name or None,
            dataset_digest=row.dataset_digest or None,
        )
        metrics[row.model_id].append(point)
    return metrics


def _rows(connection: Connection, table: Table, model_ids: Sequence[str], *order: str) -> Iterator[Row[Any]]:
    for part in chunks(model_ids):
        query = select(table).where(table.c.model_id.in_(part)).order_by(*(table.c[name] for name in order))
        yield from connection.execute(query)
