"""Evaluation datasets in SQL: their rows, tags and links to experiments."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, select, update

from runyard.entities.evaluation_dataset import EvaluationDataset
from runyard.errors import AlreadyExists, NotFound
from runyard.protocol.filter_tree import NULL_OPERATORS, Comparison, Entity
from runyard.stores.database import Database, chunks, insert_if_free, insert_missing, upsert
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_evaluation_datasets import EvaluationDatasetStore
from runyard.stores.metadata.schema import REMOVED, experiments
from runyard.stores.metadata.schema_evaluation import (
    evaluation_dataset_experiments,
    evaluation_dataset_records,
    evaluation_dataset_tags,
    evaluation_datasets,
)
from runyard.stores.metadata.search import Condition, any_of, compared, experiment_numbers, has_pair, holds
from runyard.stores.rows import NOTHING_TAKEN, Taken, measure_rows, take_rows

ROWS_AT_ONCE = 1000
_HANG_ON_IT = (evaluation_dataset_records, evaluation_dataset_tags, evaluation_dataset_experiments)


class SqlEvaluationDatasets(EvaluationDatasetStore):
    """Keeps datasets in ``evaluation_datasets``, and what hangs on them in a table each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_dataset(self, dataset: EvaluationDataset) -> None:
        row = {
            "dataset_id": dataset.dataset_id,
            "workspace": dataset.workspace,
            "name": dataset.name,
            "digest": dataset.digest,
            "created_ms": dataset.created_ms,
            "updated_ms": dataset.updated_ms,
            "created_by": dataset.created_by,
            "updated_by": dataset.updated_by,
            "record_count": 0,
            "schema": None,
        }
        with self._database.writing() as connection:
            if not insert_if_free(connection, evaluation_datasets, row):
                raise AlreadyExists(f"An evaluation dataset with id '{dataset.dataset_id}' is there already.")
            self.set_tags(dataset.dataset_id, dataset.tags)
            self.link(dataset.dataset_id, dataset.experiment_ids, dataset.created_ms)

    def get_dataset(self, workspace: str, dataset_id: str) -> EvaluationDataset:
        columns = evaluation_datasets.c
        query = select(evaluation_datasets).where(
            columns.dataset_id == dataset_id, columns.workspace == workspace
        )
        query = self._database.locked(query, evaluation_datasets)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                raise NotFound(f"Evaluation dataset with id '{dataset_id}' not found")
            return _datasets(connection, [row])[0]

    def count_records(self, workspace: str, dataset_ids: Sequence[str]) -> dict[str, int]:
        columns = evaluation_datasets.c
        counted: dict[str, int] = {}
        with self._database.reading() as connection:
            for part in chunks(dataset_ids):
                query = select(columns.dataset_id, columns.record_count).where(
                    columns.workspace == workspace, columns.dataset_id.in_(part)
                )
                counted |= {row.dataset_id: row.record_count for row in connection.execute(query)}
        return counted

    def delete_dataset(self, dataset_id: str) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(evaluation_datasets).where(_is(dataset_id)))

    def search_datasets(
        self, search: Search, linked_to: Sequence[str] | None = None
    ) -> list[EvaluationDataset]:
        query = _ordered(search).where(evaluation_datasets.c.workspace == search.workspace)
        if search.filter is not None:
            query = query.where(holds(search.filter, _holds))
        if linked_to is not None:
            links = evaluation_dataset_experiments.c
            linked = select(links.dataset_id).where(
                any_of(links.experiment_id, experiment_numbers(linked_to))
            )
            query = query.where(evaluation_datasets.c.dataset_id.in_(linked))
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(search.limit).offset(search.offset)).all()
            return _datasets(connection, rows)

    def set_tags(self, dataset_id: str, tags: Mapping[str, str]) -> None:
        rows = [{"dataset_id": dataset_id, "key": key, "value": value} for key, value in tags.items()]
        if rows:
            with self._database.writing() as connection:
                upsert(connection, evaluation_dataset_tags, rows, ["value"])

    def delete_tag(self, dataset_id: str, key: str) -> None:
        columns = evaluation_dataset_tags.c
        this = (columns.dataset_id == dataset_id, columns.key == key)
        with self._database.writing() as connection:
            connection.execute(delete(evaluation_dataset_tags).where(*this))

    def link(self, dataset_id: str, experiment_ids: Sequence[str], now_ms: int) -> None:
        rows = [
            {"dataset_id": dataset_id, "experiment_id": number, "linked_ms": now_ms}
            for number in experiment_numbers(experiment_ids)
        ]
        with self._database.writing() as connection:
            insert_missing(connection, evaluation_dataset_experiments, rows)

    def unlink(self, dataset_id: str, experiment_ids: Sequence[str]) -> int:
        columns = evaluation_dataset_experiments.c
        these = (
            columns.dataset_id == dataset_id,
            columns.experiment_id.in_(experiment_numbers(experiment_ids)),
        )
        with self._database.writing() as connection:
            return connection.execute(delete(evaluation_dataset_experiments).where(*these)).rowcount

    def note_change(self, dataset_id: str, updated_ms: int) -> None:
        self._update(dataset_id, updated_ms=updated_ms)

    def note_records(
        self,
        dataset_id: str,
        *,
        updated_ms: int,
        updated_by: str | None,
        digest: str,
        schema: Mapping[str, Any] | None,
    ) -> None:
        self._update(
            dataset_id,
            updated_ms=updated_ms,
            updated_by=updated_by,
            digest=digest,
            schema=None if schema is None else json.dumps(schema),
        )

    def take_datasets(self, workspace: str) -> Taken:
        its = _of_workspace(workspace)
        taken = NOTHING_TAKEN
        with self._database.writing() as connection:
            for table in _HANG_ON_IT:
                if taken.is_over:
                    these = table.c.dataset_id.in_(its)
                    taken += take_rows(connection, table, these, ROWS_AT_ONCE - taken.rows)
            if taken.is_over:
                all_its = evaluation_datasets.c.workspace == workspace
                taken += take_rows(connection, evaluation_datasets, all_its, ROWS_AT_ONCE - taken.rows)
        return taken

    def measure_datasets(self, workspace: str) -> Taken:
        its = _of_workspace(workspace)
        with self._database.reading() as connection:
            taken = measure_rows(
                connection, evaluation_datasets, evaluation_datasets.c.workspace == workspace
            )
            for table in _HANG_ON_IT:
                taken += measure_rows(connection, table, table.c.dataset_id.in_(its))
        return taken

    def _update(self, dataset_id: str, **values: Any) -> None:
        with self._database.writing() as connection:
            connection.execute(update(evaluation_datasets).where(_is(dataset_id)).values(**values))


def _is(dataset_id: str) -> Condition:
    return evaluation_datasets.c.dataset_id == dataset_id


def _of_workspace(workspace: str) -> Select[Any]:
    columns = evaluation_datasets.c
    return select(columns.dataset_id).where(columns.workspace == workspace)


def _ordered(search: Search) -> Select[Any]:
    """Return the query of all datasets in the order that is asked for; no key of theirs is ever missing."""
    query = select(evaluation_datasets)
    columns = evaluation_datasets.c
    for each in search.order:
        query = query.order_by(columns[each.key].asc() if each.ascending else columns[each.key].desc())
    if not search.order:
        query = query.order_by(columns.created_ms.desc())
    return query.order_by(columns.dataset_id.desc())


def _holds(comparison: Comparison) -> Condition:
    dataset_id, tags = evaluation_datasets.c.dataset_id, evaluation_dataset_tags.c
    if comparison.entity is Entity.TAG and comparison.operator in NULL_OPERATORS:
        return has_pair(evaluation_dataset_tags, dataset_id, comparison)
    if comparison.entity is Entity.TAG:
        # By the index of values once, not once for each dataset.
        value = compared(tags.value, comparison.operator, comparison.value)
        return dataset_id.in_(select(tags.dataset_id).where(tags.key == comparison.key, value))
    column = evaluation_datasets.c[comparison.key]
    said = compared(column, comparison.operator, comparison.value)
    # What nobody is named for compares with nothing, and a condition is never null.
    return column.is_not(None) & said if column.nullable else said


def _datasets(connection: Connection, rows: Sequence[Row[Any]]) -> list[EvaluationDataset]:
    """Return rows as datasets with tags and links: one query a table, never one a dataset."""
    dataset_ids = [row.dataset_id for row in rows]
    tags, links = _tags(connection, dataset_ids), _links(connection, dataset_ids)
    return [
        EvaluationDataset(
            dataset_id=row.dataset_id,
            workspace=row.workspace,
            name=row.name,
            created_ms=row.created_ms,
            updated_ms=row.updated_ms,
            digest=row.digest,
            schema=None if row.schema is None else json.loads(row.schema),
            record_count=row.record_count,
            created_by=row.created_by,
            updated_by=row.updated_by,
            tags=tags.get(row.dataset_id, {}),
            experiment_ids=links.get(row.dataset_id, []),
        )
        for row in rows
    ]


def _tags(connection: Connection, dataset_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    columns = evaluation_dataset_tags.c
    for part in chunks(dataset_ids):
        query = select(evaluation_dataset_tags).where(columns.dataset_id.in_(part)).order_by(columns.key)
        for row in connection.execute(query):
            tags[row.dataset_id][row.key] = row.value
    return tags


def _links(connection: Connection, dataset_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the experiments of each dataset, but for those that are being taken away."""
    links: dict[str, list[str]] = defaultdict(list)
    columns = evaluation_dataset_experiments.c
    for part in chunks(dataset_ids):
        query = (
            select(columns.dataset_id, columns.experiment_id)
            .join(experiments, experiments.c.experiment_id == columns.experiment_id)
            .where(columns.dataset_id.in_(part), experiments.c.lifecycle_stage != REMOVED)
            .order_by(columns.linked_ms, columns.experiment_id)
        )
        for row in connection.execute(query):
            links[row.dataset_id].append(str(row.experiment_id))
    return links
