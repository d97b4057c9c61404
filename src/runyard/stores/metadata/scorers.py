"""Scorers in SQL: their names, versions, and what is said of their use on new traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select

from runyard.entities.experiment import LifecycleStage
from runyard.entities.scorer import OnlineScoring, ScorerVersion
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.database import Database, chunks, insert_if_free, upsert
from runyard.stores.metadata.base_scorers import ScorerStore
from runyard.stores.metadata.schema import experiments
from runyard.stores.metadata.schema_evaluation import online_scoring, scorer_versions, scorers
from runyard.stores.metadata.search import any_of, experiment_numbers

_OF_WHICH = scorer_versions.c.scorer_id == scorers.c.scorer_id


class SqlScorers(ScorerStore):
    """Keeps scorers in ``scorers``, ``scorer_versions`` and ``online_scoring``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, scorer: ScorerVersion) -> ScorerVersion:
        owner = int(scorer.experiment_id)
        with self._database.writing() as connection:
            row = {"scorer_id": scorer.scorer_id, "experiment_id": owner, "name": scorer.name}
            insert_if_free(connection, scorers, row)
            # Held, so that two registrations don't count to the same number.
            scorer_id = self._id(connection, scorer.experiment_id, scorer.name)
            last = select(func.max(scorer_versions.c.version)).where(scorer_versions.c.scorer_id == scorer_id)
            version = (connection.scalar(last) or 0) + 1
            registered = replace(scorer, scorer_id=scorer_id, version=version)
            connection.execute(insert(scorer_versions), _row(registered))
        return registered

    def keep_versions(self, versions: Sequence[ScorerVersion]) -> bool:
        first = versions[0]
        owner = int(first.experiment_id)
        with self._database.writing() as connection:
            row = {"scorer_id": first.scorer_id, "experiment_id": owner, "name": first.name}
            is_new = insert_if_free(connection, scorers, row)
            is_it = (scorers.c.experiment_id == owner, scorers.c.name == first.name)
            query = self._database.locked(select(scorers.c.scorer_id).where(*is_it), scorers)
            if connection.scalar(query) != first.scorer_id:
                raise AlreadyExists(
                    f"A scorer '{first.name}', or one with the id {first.scorer_id}, is there already and is "
                    "another one."
                )
            last = select(func.max(scorer_versions.c.version))
            kept = connection.scalar(last.where(scorer_versions.c.scorer_id == first.scorer_id)) or 0
            rows = [_row(each) for each in versions if each.version > kept]
            if rows:
                connection.execute(insert(scorer_versions), rows)
        return is_new

    def count_versions(self, workspace: str, scorer_ids: Sequence[str]) -> dict[str, int]:
        counted: dict[str, int] = {}
        with self._database.reading() as connection:
            for part in chunks(scorer_ids):
                query = (
                    select(scorer_versions.c.scorer_id, func.count().label("versions"))
                    .join(experiments, experiments.c.experiment_id == scorer_versions.c.experiment_id)
                    .where(experiments.c.workspace == workspace, scorer_versions.c.scorer_id.in_(part))
                    .group_by(scorer_versions.c.scorer_id)
                )
                counted |= {row.scorer_id: row.versions for row in connection.execute(query)}
        return counted

    def get_version(self, experiment_id: str, name: str, version: int | None = None) -> ScorerVersion:
        query = _of(experiment_id, name).order_by(scorer_versions.c.version.desc()).limit(1)
        if version is not None:
            query = query.where(scorer_versions.c.version == version)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise _not_found(experiment_id, name, version)
        return _version(row)

    def list_versions(self, experiment_id: str, name: str) -> list[ScorerVersion]:
        query = _of(experiment_id, name).order_by(scorer_versions.c.version)
        with self._database.reading() as connection:
            found = [_version(row) for row in connection.execute(query)]
        if not found:
            raise _not_found(experiment_id, name)
        return found

    def list_latest(self, workspace: str, experiment_ids: Sequence[str] | None) -> list[ScorerVersion]:
        later = scorer_versions.alias()
        newest = select(func.max(later.c.version)).where(later.c.scorer_id == scorers.c.scorer_id)
        query = (
            _all()
            .join(experiments, experiments.c.experiment_id == scorers.c.experiment_id)
            .where(
                experiments.c.workspace == workspace,
                experiments.c.lifecycle_stage == LifecycleStage.ACTIVE.value,
                scorer_versions.c.version == newest.scalar_subquery(),
            )
            .order_by(scorers.c.experiment_id, scorers.c.name)
        )
        if experiment_ids is not None:
            query = query.where(any_of(scorers.c.experiment_id, experiment_numbers(experiment_ids)))
        with self._database.reading() as connection:
            return [_version(row) for row in connection.execute(query)]

    def delete(self, experiment_id: str, name: str, version: int | None = None) -> None:
        with self._database.writing() as connection:
            scorer_id = self._id(connection, experiment_id, name)
            these = scorer_versions.c.scorer_id == scorer_id
            if version is not None:
                these &= scorer_versions.c.version == version
            if not connection.execute(delete(scorer_versions).where(these)).rowcount:
                raise _not_found(experiment_id, name, version)
            if version is None:
                connection.execute(delete(scorers).where(scorers.c.scorer_id == scorer_id))

    def set_online(self, said: OnlineScoring) -> None:
        row = {
            "scorer_id": said.scorer_id,
            "config_id": said.config_id,
            "experiment_id": int(said.experiment_id),
            "sample_rate": said.sample_rate,
            "filter": said.filter,
        }
        with self._database.writing() as connection:
            upsert(connection, online_scoring, [row], ["config_id", "sample_rate", "filter"])

    def list_online(
        self, workspace: str, scorer_ids: Sequence[str], experiment_ids: Sequence[str] | None
    ) -> list[OnlineScoring]:
        columns = online_scoring.c
        query = (
            select(online_scoring)
            .join(experiments, experiments.c.experiment_id == columns.experiment_id)
            .where(experiments.c.workspace == workspace)
            .order_by(columns.scorer_id)
        )
        if experiment_ids is not None:
            query = query.where(any_of(columns.experiment_id, experiment_numbers(experiment_ids)))
        found: list[OnlineScoring] = []
        with self._database.reading() as connection:
            for part in chunks(scorer_ids):
                rows = connection.execute(query.where(columns.scorer_id.in_(part)))
                found += [_online(row) for row in rows]
        return found

    def _id(self, connection: Connection, experiment_id: str, name: str) -> str:
        is_it = (scorers.c.experiment_id == int(experiment_id), scorers.c.name == name)
        query = self._database.locked(select(scorers.c.scorer_id).where(*is_it), scorers)
        found: str | None = connection.scalar(query)
        if found is None:
            raise _not_found(experiment_id, name)
        return found


def _row(scorer: ScorerVersion) -> dict[str, Any]:
    return {
        "scorer_id": scorer.scorer_id,
        "version": scorer.version,
        "experiment_id": int(scorer.experiment_id),
        "created_ms": scorer.created_ms,
        "serialized": scorer.serialized,
    }


def _all() -> Select[Any]:
    return select(scorer_versions, scorers.c.name).join(scorers, _OF_WHICH)


def _of(experiment_id: str, name: str) -> Select[Any]:
    return _all().where(scorers.c.experiment_id == int(experiment_id), scorers.c.name == name)


def _not_found(experiment_id: str, name: str, version: int | None = None) -> NotFound:
    which = f"'{name}'" if version is None else f"'{name}' and version {version}"
    return NotFound(f"Scorer with name {which} not found for experiment {experiment_id}.")


def _version(row: Row[Any]) -> ScorerVersion:
    return ScorerVersion(
        scorer_id=row.scorer_id,
        experiment_id=str(row.experiment_id),
        name=row.name,
        version=row.version,
        serialized=row.serialized,
        created_ms=row.created_ms,
    )


def _online(row: Row[Any]) -> OnlineScoring:
    return OnlineScoring(
        config_id=row.config_id,
        scorer_id=row.scorer_id,
        experiment_id=str(row.experiment_id),
        sample_rate=row.sample_rate,
        filter=row.filter,
    )
