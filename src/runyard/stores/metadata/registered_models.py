"""Registered models in SQL, with their tags and aliases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from runyard.entities.registered_model import IS_PROMPT_TAG, ModelVersion, RegisteredModel, is_prompt
from runyard.errors import AlreadyExists
from runyard.stores.database import Database, insert_if_free, upsert
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_registered_models import RegisteredModelStore
from runyard.stores.metadata.registry_rows import (
    aliases_of,
    find_model,
    get_model,
    latest_of_each_stage,
    note_unneeded_folders,
    number_of,
    refresh_prompts,
    tags_of,
)
from runyard.stores.metadata.registry_search import registered_models_query
from runyard.stores.metadata.schema_registry import (
    model_versions,
    registered_model_aliases,
    registered_model_tags,
    registered_models,
)


class SqlRegisteredModels(RegisteredModelStore):
    """Keeps registered models in the table ``registered_models`` and what hangs on them in a table each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_registered_model(self, model: RegisteredModel) -> bool:
        row = {
            "workspace": model.workspace,
            "name": model.name,
            "description": model.description,
            "created_ms": model.created_ms,
            "updated_ms": model.updated_ms,
            "last_version": 0,
            "is_prompt": model.is_prompt,
        }
        with self._database.writing() as connection:
            if not insert_if_free(connection, registered_models, row):
                return False
            number = number_of(connection, model.workspace, model.name)
            rows = [{"model_number": number, "key": key, "value": value} for key, value in model.tags.items()]
            if rows:
                connection.execute(insert(registered_model_tags), rows)
            return True

    def get_registered_model(self, workspace: str, name: str) -> RegisteredModel:
        with self._database.reading() as connection:
            row = get_model(self._database, connection, workspace, name)
            return _models(connection, [row])[0]

    def describe_registered_model(self, workspace: str, name: str, description: str, now_ms: int) -> None:
        self._update(workspace, name, description=description, updated_ms=now_ms)

    def rename_registered_model(self, workspace: str, name: str, new_name: str, now_ms: int) -> None:
        with self._database.writing() as connection:
            taken = find_model(connection, workspace, new_name)
            if taken is not None and name != new_name:
                raise AlreadyExists(f"Registered Model (name={new_name}) already exists.")
            number = number_of(connection, workspace, name)
            connection.execute(
                update(registered_models)
                .where(registered_models.c.model_number == number)
                .values(name=new_name, updated_ms=now_ms)
            )
            of_it = model_versions.c.model_number == number
            connection.execute(update(model_versions).where(of_it).values(updated_ms=now_ms))

    def delete_registered_model(self, workspace: str, name: str, now_ms: int) -> None:
        with self._database.writing() as connection:
            number = number_of(connection, workspace, name)
            kept_at = select(model_versions.c.kept_at).where(model_versions.c.model_number == number)
            folders = set(connection.scalars(kept_at.distinct()))
            connection.execute(delete(registered_models).where(registered_models.c.model_number == number))
            note_unneeded_folders(connection, workspace, folders, now_ms)

    def take_registered_models(self, workspace: str, limit: int) -> int:
        taken = 0
        with self._database.writing() as connection:
            for table in (model_versions, registered_models):
                (key,) = table.primary_key
                some = select(key).where(table.c.workspace == workspace).limit(limit - taken)
                taken += connection.execute(delete(table).where(key.in_(some))).rowcount
        return taken

    def set_registered_model_tag(self, workspace: str, name: str, key: str, value: str) -> None:
        with self._database.writing() as connection:
            number = number_of(connection, workspace, name)
            row = {"model_number": number, "key": key, "value": value}
            upsert(connection, registered_model_tags, [row], ["value"])
            if key == IS_PROMPT_TAG:
                _set_is_prompt(connection, number, is_prompt({key: value}))

    def delete_registered_model_tag(self, workspace: str, name: str, key: str) -> bool:
        columns = registered_model_tags.c
        with self._database.writing() as connection:
            number = number_of(connection, workspace, name)
            where = (columns.model_number == number, columns.key == key)
            is_gone = connection.execute(delete(registered_model_tags).where(*where)).rowcount > 0
            if is_gone and key == IS_PROMPT_TAG:
                _set_is_prompt(connection, number, False)
            return is_gone

    def set_alias(self, workspace: str, name: str, alias: str, version: int) -> None:
        with self._database.writing() as connection:
            number = number_of(connection, workspace, name)
            row = {"model_number": number, "alias": alias, "version": version}
            upsert(connection, registered_model_aliases, [row], ["version"])

    def delete_alias(self, workspace: str, name: str, alias: str) -> bool:
        columns = registered_model_aliases.c
        with self._database.writing() as connection:
            number = number_of(connection, workspace, name)
            where = (columns.model_number == number, columns.alias == alias)
            return connection.execute(delete(registered_model_aliases).where(*where)).rowcount > 0

    def find_aliased(self, workspace: str, name: str, alias: str) -> int | None:
        columns = registered_model_aliases.c
        query = (
            select(columns.version)
            .join(registered_models, registered_models.c.model_number == columns.model_number)
            .where(
                registered_models.c.workspace == workspace,
                registered_models.c.name == name,
                columns.alias == alias,
            )
        )
        with self._database.reading() as connection:
            return connection.scalar(query)

    def search_registered_models(self, search: Search) -> Sequence[RegisteredModel]:
        query = registered_models_query(search).limit(search.limit).offset(search.offset)
        with self._database.reading() as connection:
            return _models(connection, connection.execute(query).all())

    def _update(self, workspace: str, name: str, **values: Any) -> None:
        this = (registered_models.c.workspace == workspace, registered_models.c.name == name)
        with self._database.writing() as connection:
            connection.execute(update(registered_models).where(*this).values(**values))


def _set_is_prompt(connection: Connection, number: int, is_one: bool) -> None:
    connection.execute(
        update(registered_models).where(registered_models.c.model_number == number).values(is_prompt=is_one)
    )
    refresh_prompts(connection, number)


def _models(connection: Connection, rows: Sequence[Row[Any]]) -> list[RegisteredModel]:
    """Return rows as models with all that hangs on them: one query a table, never one a model."""
    numbers = [row.model_number for row in rows]
    tags = tags_of(connection, registered_model_tags, numbers)
    aliases = aliases_of(connection, numbers)
    latest = latest_of_each_stage(connection, numbers)
    return [
        _model(
            row,
            tags.get(row.model_number, {}),
            aliases.get(row.model_number, {}),
            latest.get(row.model_number, ()),
        )
        for row in rows
    ]


def _model(
    row: Row[Any], tags: Mapping[str, str], aliases: Mapping[str, int], latest: Sequence[ModelVersion]
) -> RegisteredModel:
    return RegisteredModel(
        workspace=row.workspace,
        name=row.name,
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        description=row.description,
        tags=tags,
        aliases=aliases,
        latest_versions=tuple(latest),
    )
