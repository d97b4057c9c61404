"""Experiments in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from runyard.entities.experiment import Experiment, LifecycleStage
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.database import Database, chunks, insert_if_free, upsert
from runyard.stores.metadata.base import ExperimentStore, Search
from runyard.stores.metadata.schema import REMOVED, experiment_tags, experiments, runs
from runyard.stores.metadata.search import any_of, experiments_query
from runyard.stores.prepared import Prepared

_WHY_TAKEN = {
    LifecycleStage.DELETED.value: " in deleted state. Restore it, or choose another name",
    REMOVED: " and is being removed. Try again when `runyard gc` has ended, or choose another name",
}

# Each run that begins asks for its experiment.
_GET = Prepared(
    "SELECT name, artifact_location, lifecycle_stage, created_ms, updated_ms FROM experiments"
    " WHERE experiment_id = :experiment_id AND workspace = :workspace AND lifecycle_stage <> :removed"
)
# PostgreSQL is asked for both at once, as each question is a way there and back.
_GET_WITH_TAGS = Prepared(
    _GET.sql.replace(
        " FROM experiments",
        ", (SELECT json_object_agg(key, value) FROM experiment_tags"
        " WHERE experiment_tags.experiment_id = experiments.experiment_id) FROM experiments",
    )
)
_SHARE_WITH_TAGS = Prepared(f"{_GET_WITH_TAGS.sql} FOR SHARE OF experiments")
_TAGS = Prepared("SELECT key, value FROM experiment_tags WHERE experiment_id = :experiment_id")


class SqlExperiments(ExperimentStore):
    """Keeps experiments in the tables ``experiments`` and ``experiment_tags``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_experiment(
        self, workspace: str, name: str, artifact_location: str | None, tags: Mapping[str, str], now_ms: int
    ) -> Experiment:
        with self._database.writing() as connection:
            experiment_id = self.add_with_id(workspace, name, now_ms, None, artifact_location)
            if tags:
                rows = [
                    {"experiment_id": int(experiment_id), "key": key, "value": value}
                    for key, value in tags.items()
                ]
                connection.execute(insert(experiment_tags), rows)
            return self.get_experiment(workspace, experiment_id)

    def add_with_id(
        self,
        workspace: str,
        name: str,
        now_ms: int,
        experiment_id: int | None,
        artifact_location: str | None = None,
    ) -> str:
        """Keep a new experiment under ``experiment_id``, or under the next one, and return its id."""
        row: dict[str, Any] = {
            "workspace": workspace,
            "name": name,
            "artifact_location": artifact_location or "",
            "lifecycle_stage": LifecycleStage.ACTIVE.value,
            "created_ms": now_ms,
            "updated_ms": now_ms,
        }
        if experiment_id is not None:
            row["experiment_id"] = experiment_id
        with self._database.writing() as connection:
            if not insert_if_free(connection, experiments, row):
                raise self._taken(connection, workspace, name)
            same = (experiments.c.workspace == workspace, experiments.c.name == name)
            new_id = int(connection.execute(select(experiments.c.experiment_id).where(*same)).scalar_one())
            if not artifact_location:
                connection.execute(
                    update(experiments)
                    .where(experiments.c.experiment_id == new_id)
                    .values(artifact_location=f"mlflow-artifacts:/{new_id}")
                )
        return str(new_id)

    def get_experiment(self, workspace: str, experiment_id: str) -> Experiment:
        number = int(experiment_id)
        with self._database.reading() as connection:
            row = self._row_and_tags(connection, workspace, number)
        if row is None:
            raise NotFound(f"No Experiment with id={experiment_id} exists")
        name, artifact_location, stage, created_ms, updated_ms, tags = row
        return Experiment(
            experiment_id=str(number),
            workspace=workspace,
            name=name,
            artifact_location=artifact_location,
            lifecycle_stage=LifecycleStage(stage),
            created_ms=created_ms,
            updated_ms=updated_ms,
            tags=tags,
        )

    def _row_and_tags(self, connection: Connection, workspace: str, number: int) -> Sequence[Any] | None:
        asked = {"experiment_id": number, "workspace": workspace, "removed": REMOVED}
        if connection.dialect.name == "postgresql":
            statement = _SHARE_WITH_TAGS if self._database.holds_rows else _GET_WITH_TAGS
            row = statement.row(connection, **asked)
            return row and (*row[:-1], row[-1] or {})
        row = _GET.row(connection, **asked)
        return row and (*row, dict(_TAGS.rows(connection, experiment_id=number)))

    def find_experiment_by_name(self, workspace: str, name: str) -> Experiment | None:
        where = (
            experiments.c.workspace == workspace,
            experiments.c.name == name,
            experiments.c.lifecycle_stage != REMOVED,
        )
        with self._database.reading() as connection:
            row = connection.execute(select(experiments).where(*where)).mappings().first()
            return _with_tags(connection, [row])[0] if row is not None else None

    def rename_experiment(self, experiment_id: str, name: str, now_ms: int) -> None:
        try:
            self._update(experiment_id, name=name, updated_ms=now_ms)
        except IntegrityError:
            raise AlreadyExists(f"Experiment(name={name}) already exists.") from None

    def move_experiment(self, experiment_id: str, stage: LifecycleStage, now_ms: int) -> None:
        deleted_ms = now_ms if stage is LifecycleStage.DELETED else None
        with self._database.writing() as connection:
            self._update(experiment_id, lifecycle_stage=stage.value, updated_ms=now_ms)
            connection.execute(
                update(runs)
                .where(runs.c.experiment_id == int(experiment_id), runs.c.lifecycle_stage != REMOVED)
                .values(lifecycle_stage=stage.value, deleted_ms=deleted_ms, revision=runs.c.revision + 1)
            )

    def set_experiment_tag(self, experiment_id: str, key: str, value: str, now_ms: int) -> None:
        with self._database.writing() as connection:
            row = {"experiment_id": int(experiment_id), "key": key, "value": value}
            upsert(connection, experiment_tags, [row], ["value"])

    def delete_experiment_tag(self, experiment_id: str, key: str) -> bool:
        where = (experiment_tags.c.experiment_id == int(experiment_id), experiment_tags.c.key == key)
        with self._database.writing() as connection:
            return connection.execute(delete(experiment_tags).where(*where)).rowcount > 0

    def search_experiments(self, search: Search) -> list[Experiment]:
        query = experiments_query(
            workspace=search.workspace, view=search.view, filter=search.filter, order=search.order
        )
        if search.only_ids is not None:
            query = query.where(any_of(experiments.c.experiment_id, [*map(int, search.only_ids)]))
        with self._database.reading() as connection:
            page = connection.execute(query.limit(search.limit).offset(search.offset)).mappings()
            return _with_tags(connection, page.all())

    def _update(self, experiment_id: str, **values: Any) -> None:
        with self._database.writing() as connection:
            where = experiments.c.experiment_id == int(experiment_id)
            connection.execute(update(experiments).where(where).values(**values))

    def _taken(self, connection: Connection, workspace: str, name: str) -> AlreadyExists:
        where = (experiments.c.workspace == workspace, experiments.c.name == name)
        stage = connection.execute(select(experiments.c.lifecycle_stage).where(*where)).scalar()
        hint = _WHY_TAKEN.get(stage or "", "")
        return AlreadyExists(f"Experiment(name={name}) already exists{hint}.")


def _with_tags(connection: Connection, rows: Sequence[RowMapping]) -> list[Experiment]:
    ids = [row["experiment_id"] for row in rows]
    tags: dict[int, dict[str, str]] = {experiment_id: {} for experiment_id in ids}
    for part in chunks(ids):
        found = select(experiment_tags).where(experiment_tags.c.experiment_id.in_(part))
        for tag in connection.execute(found):
            tags[tag.experiment_id][tag.key] = tag.value
    return [
        Experiment(
            experiment_id=str(row["experiment_id"]),
            workspace=row["workspace"],
            name=row["name"],
            artifact_location=row["artifact_location"],
            lifecycle_stage=LifecycleStage(row["lifecycle_stage"]),
            created_ms=row["created_ms"],
            updated_ms=row["updated_ms"],
            tags=tags[row["experiment_id"]],
        )
        for row in rows
    ]
