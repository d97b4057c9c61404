"""Versions of registered models in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from runyard.entities.registered_model import IS_PROMPT_TAG, ModelVersion, Stage, is_prompt
from runyard.errors import NotFound
from runyard.stores.database import Database, upsert
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_model_versions import ModelVersionStore
from runyard.stores.metadata.registry_rows import (
    VERSION_COLUMNS,
    find_model,
    get_model,
    note_unneeded_folders,
    read_versions,
    refresh_prompts,
    tags_of,
    version_of,
)
from runyard.stores.metadata.registry_search import model_versions_query
from runyard.stores.metadata.schema_registry import (
    model_version_tags,
    model_versions,
    registered_model_aliases,
    registered_models,
)


class SqlModelVersions(ModelVersionStore):
    """Keeps versions in the table ``model_versions`` and their tags in one of their own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_model_version(self, version: ModelVersion) -> ModelVersion:
        with self._database.writing() as connection:
            model = get_model(self._database, connection, version.workspace, version.name)
            added = replace(version, version=model.last_version + 1)
            _add(connection, model, added)
        return added

    def import_model_version(self, version: ModelVersion) -> bool:
        with self._database.writing() as connection:
            model = get_model(self._database, connection, version.workspace, version.name)
            if version.version <= model.last_version:
                return False
            _add(connection, model, version)
        return True

    def count_model_versions(self, workspace: str, names: Sequence[str]) -> Mapping[str, int]:
        columns = registered_models.c
        is_its = columns.model_number == model_versions.c.model_number
        query = (
            select(columns.name, func.count(model_versions.c.version_number).label("versions"))
            .outerjoin(model_versions, is_its)
            .where(columns.workspace == workspace, columns.name.in_(names))
            .group_by(columns.name)
        )
        with self._database.reading() as connection:
            return {row.name: row.versions for row in connection.execute(query)}

    def get_model_version(self, workspace: str, name: str, version: int) -> ModelVersion:
        with self._database.reading() as connection:
            if self._database.is_writing and find_model(connection, workspace, name) is not None:
                get_model(self._database, connection, workspace, name)
            row = connection.execute(_of_model(workspace, name).where(_is(version))).one_or_none()
            if row is None:
                raise _not_found(name, version)
            columns = registered_model_aliases.c
            aliases = select(columns.alias).where(
                columns.model_number == row.model_number, columns.version == version
            )
            tags = tags_of(connection, model_version_tags, [row.version_number])
            found = tuple(connection.scalars(aliases.order_by(columns.alias)))
            return version_of(row, tags.get(row.version_number, {}), found)

    def find_latest_version(self, workspace: str, name: str) -> ModelVersion | None:
        of_model = _of_model(workspace, name).with_only_columns(func.max(model_versions.c.version))
        with self._database.reading() as connection:
            latest = connection.scalar(of_model)
            return None if latest is None else self.get_model_version(workspace, name, latest)

    def find_version_at(self, workspace: str, path: str) -> ModelVersion | None:
        names = path.split("/")
        around = ["/".join(names[:end]) for end in range(1, len(names) + 1)]
        is_its = registered_models.c.model_number == model_versions.c.model_number
        query = (
            select(*VERSION_COLUMNS)
            .join(registered_models, is_its)
            .where(model_versions.c.workspace == workspace, model_versions.c.kept_at.in_(around))
            .order_by(model_versions.c.version_number)
        )
        with self._database.reading() as connection:
            row = connection.execute(query.limit(1)).first()
            return None if row is None else version_of(row, {})

    def describe_model_version(
        self, workspace: str, name: str, version: int, description: str | None, now_ms: int
    ) -> None:
        with self._database.writing() as connection:
            number = _number_of(connection, workspace, name, version)
            _change(connection, number, description=description, updated_ms=now_ms)

    def move_model_version(self, workspace: str, name: str, version: int, stage: Stage, now_ms: int) -> None:
        with self._database.writing() as connection:
            number = _number_of(connection, workspace, name, version)
            _change(connection, number, stage=stage.value, updated_ms=now_ms)
            _touch(connection, workspace, name, now_ms)

    def archive_others(self, workspace: str, name: str, version: int, stage: Stage, now_ms: int) -> None:
        columns = model_versions.c
        with self._database.writing() as connection:
            others = (
                columns.model_number == find_model(connection, workspace, name),
                columns.version != version,
                columns.stage == stage.value,
            )
            changed = {"stage": Stage.ARCHIVED.value, "updated_ms": now_ms}
            connection.execute(update(model_versions).where(*others).values(**changed))

    def delete_model_version(self, workspace: str, name: str, version: int, now_ms: int) -> None:
        with self._database.writing() as connection:
            number = _number_of(connection, workspace, name, version)
            this = model_versions.c.version_number == number
            kept_at = connection.scalar(select(model_versions.c.kept_at).where(this)) or ""
            connection.execute(delete(model_versions).where(this))
            _touch(connection, workspace, name, now_ms)
            note_unneeded_folders(connection, workspace, [kept_at], now_ms)

    def set_model_version_tags(
        self, workspace: str, name: str, version: int, tags: Mapping[str, str]
    ) -> None:
        with self._database.writing() as connection:
            _set_tags(connection, _number_of(connection, workspace, name, version), tags)
            if IS_PROMPT_TAG in tags:
                refresh_prompts(connection, find_model(connection, workspace, name) or 0)

    def delete_model_version_tag(self, workspace: str, name: str, version: int, key: str) -> bool:
        columns = model_version_tags.c
        with self._database.writing() as connection:
            number = _number_of(connection, workspace, name, version)
            where = (columns.version_number == number, columns.key == key)
            is_gone = connection.execute(delete(model_version_tags).where(*where)).rowcount > 0
            if key == IS_PROMPT_TAG:
                refresh_prompts(connection, find_model(connection, workspace, name) or 0)
            return is_gone

    def search_model_versions(self, search: Search) -> Sequence[ModelVersion]:
        query = model_versions_query(search).limit(search.limit).offset(search.offset)
        with self._database.reading() as connection:
            return read_versions(connection, connection.scalars(query).all())


def _add(connection: Connection, model: Row[Any], added: ModelVersion) -> None:
    changed = {"last_version": added.version, "updated_ms": added.created_ms}
    this = registered_models.c.model_number == model.model_number
    connection.execute(update(registered_models).where(this).values(**changed))
    row = _row(added) | {
        "model_number": model.model_number,
        "is_prompt": model.is_prompt or is_prompt(added.tags),
    }
    number = connection.scalar(
        insert(model_versions).values(**row).returning(model_versions.c.version_number)
    )
    _set_tags(connection, number, added.tags)


def _row(version: ModelVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "workspace": version.workspace,
        "created_ms": version.created_ms,
        "updated_ms": version.updated_ms,
        "stage": version.stage.value,
        "source": version.source,
        "storage_location": version.storage_location,
        "kept_at": version.kept_at,
        "run_id": version.run_id,
        "model_id": version.model_id,
        "run_link": version.run_link,
        "description": version.description,
    }


def _of_model(workspace: str, name: str) -> Select[Any]:
    is_its = registered_models.c.model_number == model_versions.c.model_number
    query = select(*VERSION_COLUMNS).join(registered_models, is_its)
    return query.where(registered_models.c.workspace == workspace, registered_models.c.name == name)


def _is(version: int) -> Any:
    return model_versions.c.version == version


def _number_of(connection: Connection, workspace: str, name: str, version: int) -> int:
    query = _of_model(workspace, name).with_only_columns(model_versions.c.version_number)
    number: int | None = connection.scalar(query.where(_is(version)))
    if number is None:
        raise _not_found(name, version)
    return number


def _not_found(name: str, version: int) -> NotFound:
    return NotFound(f"Model Version (name={name}, version={version}) not found")


def _change(connection: Connection, number: int, **values: Any) -> None:
    this = model_versions.c.version_number == number
    connection.execute(update(model_versions).where(this).values(**values))


def _touch(connection: Connection, workspace: str, name: str, now_ms: int) -> None:
    this = (registered_models.c.workspace == workspace, registered_models.c.name == name)
    connection.execute(update(registered_models).where(*this).values(updated_ms=now_ms))


def _set_tags(connection: Connection, number: int | None, tags: Mapping[str, str]) -> None:
    rows = [{"version_number": number, "key": key, "value": value} for key, value in tags.items()]
    if rows:
        upsert(connection, model_version_tags, rows, ["value"])
