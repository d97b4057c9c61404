"""Environments in SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, insert, select, update

from runyard.decoding import learnt
from runyard.entities.environment import Environment, EnvironmentSpec
from runyard.errors import NotFound
from runyard.stores.database import Database, insert_if_free
from runyard.stores.metadata.base_environments import EnvironmentStore, Registered
from runyard.stores.metadata.schema_assets import environment_versions, environments

_OF_WHICH = environment_versions.c.environment_number == environments.c.environment_number
_IS_LATEST = environment_versions.c.version == environments.c.latest_version
_COLUMNS = (
    environments.c.workspace,
    environments.c.name,
    environments.c.description,
    environments.c.tags,
    environments.c.is_archived,
    environments.c.latest_version,
    environment_versions.c.version,
    environment_versions.c.content,
    environment_versions.c.created_ms,
    environment_versions.c.created_by,
)


class SqlEnvironments(EnvironmentStore):
    """Keeps environments in ``environments`` and ``environment_versions``, what they are as JSON."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, environment: Environment) -> Registered:
        with self._database.writing() as connection:
            insert_if_free(connection, environments, _new_row(environment))
            held = self._held(connection, environment.workspace, environment.name)
            version = _version_of(connection, held.environment_number, environment.spec.sha256())
            is_new = version is None
            if version is None:
                version = held.last_version + 1
                row = _version_row(held.environment_number, replace(environment, version=version))
                connection.execute(insert(environment_versions), row)
            this = environments.c.environment_number == held.environment_number
            last = max(held.last_version, version)
            connection.execute(
                update(environments)
                .where(this)
                .values(last_version=last, latest_version=version, updated_ms=environment.created_ms)
            )
        return Registered(self.get_environment(environment.workspace, environment.name, version), is_new)

    def get_environment(self, workspace: str, name: str, version: int | None = None) -> Environment:
        wanted = _IS_LATEST if version is None else environment_versions.c.version == version
        query = _all().where(environments.c.workspace == workspace, environments.c.name == name, wanted)
        with self._database.reading() as connection:
            row = connection.execute(self._database.locked(query, environments)).one_or_none()
        if row is None:
            raise _not_found(workspace, name, version)
        return _environment(row)

    def list_environments(
        self, workspace: str, limit: int, offset: int = 0, *, with_archived: bool = False
    ) -> list[Environment]:
        query = _all().where(environments.c.workspace == workspace, _IS_LATEST).order_by(environments.c.name)
        if not with_archived:
            query = query.where(environments.c.is_archived.is_(False))
        with self._database.reading() as connection:
            return [_environment(row) for row in connection.execute(query.limit(limit).offset(offset))]

    def list_versions(self, workspace: str, name: str, limit: int, offset: int = 0) -> list[Environment]:
        query = (
            _all()
            .where(environments.c.workspace == workspace, environments.c.name == name)
            .order_by(environment_versions.c.version.desc())
        )
        with self._database.reading() as connection:
            found = [_environment(row) for row in connection.execute(query.limit(limit).offset(offset))]
        if not found and not offset:
            raise _not_found(workspace, name, None)
        return found

    def describe(
        self, workspace: str, name: str, description: str, tags: Mapping[str, str], now_ms: int
    ) -> None:
        self._update(workspace, name, description=description, tags=json.dumps(dict(tags)), updated_ms=now_ms)

    def archive(self, workspace: str, name: str, now_ms: int, *, is_archived: bool = True) -> None:
        self._update(workspace, name, is_archived=is_archived, updated_ms=now_ms)

    def _update(self, workspace: str, name: str, **values: Any) -> None:
        this = (environments.c.workspace == workspace, environments.c.name == name)
        with self._database.writing() as connection:
            if not connection.execute(update(environments).where(*this).values(**values)).rowcount:
                raise _not_found(workspace, name, None)

    def _held(self, connection: Connection, workspace: str, name: str) -> Row[Any]:
        """Return an environment, so that two registrations don't count to the same number."""
        query = select(environments).where(environments.c.workspace == workspace, environments.c.name == name)
        return connection.execute(self._database.locked(query, environments)).one()


def _all() -> Select[Any]:
    return select(*_COLUMNS).select_from(environments.join(environment_versions, _OF_WHICH))


def _version_of(connection: Connection, environment_number: int, sha256: str) -> int | None:
    columns = environment_versions.c
    query = select(columns.version).where(
        columns.environment_number == environment_number, columns.content_sha256 == sha256
    )
    found: int | None = connection.scalar(query)
    return found


def _new_row(environment: Environment) -> dict[str, Any]:
    return {
        "workspace": environment.workspace,
        "name": environment.name,
        "description": environment.description,
        "tags": json.dumps(dict(environment.tags)),
        "is_archived": False,
        "last_version": 0,
        "latest_version": 0,
        "updated_ms": environment.created_ms,
    }


def _version_row(environment_number: int, environment: Environment) -> dict[str, Any]:
    return {
        "environment_number": environment_number,
        "version": environment.version,
        "content_sha256": environment.spec.sha256(),
        "content": environment.spec.as_json(),
        "created_ms": environment.created_ms,
        "created_by": environment.created_by,
    }


def _not_found(workspace: str, name: str, version: int | None) -> NotFound:
    which = f"environment '{name}'" if version is None else f"version {version} of environment '{name}'"
    return NotFound(f"Workspace '{workspace}' has no {which}.")


def _environment(row: Row[Any]) -> Environment:
    return Environment(
        workspace=row.workspace,
        name=row.name,
        version=row.version,
        spec=msgspec.json.decode(row.content, type=learnt(EnvironmentSpec)),
        created_ms=row.created_ms,
        created_by=row.created_by,
        description=row.description,
        tags=json.loads(row.tags),
        is_archived=row.is_archived,
        latest_version=row.latest_version,
    )
