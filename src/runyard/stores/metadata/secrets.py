"""Secrets in SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, delete, select

from runyard.entities.secret import Secret
from runyard.errors import NotFound
from runyard.stores.database import Database, upsert
from runyard.stores.metadata.base_secrets import SecretStore
from runyard.stores.metadata.schema_datastores import secrets

_TOLD = (
    secrets.c.name,
    secrets.c.content_type,
    secrets.c.created_ms,
    secrets.c.updated_ms,
    secrets.c.updated_by,
)


class SqlSecrets(SecretStore):
    """Keeps secrets in the table ``secrets``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_secret(self, workspace: str, secret: Secret, sealed: str) -> None:
        row = {
            "workspace": workspace,
            "name": secret.name,
            "sealed": sealed,
            "content_type": secret.content_type,
            "created_ms": secret.created_ms,
            "updated_ms": secret.updated_ms,
            "updated_by": secret.updated_by,
        }
        with self._database.writing() as connection:
            upsert(connection, secrets, [row], ["sealed", "content_type", "updated_ms", "updated_by"])

    def list_secrets(self, workspace: str) -> list[Secret]:
        query = select(*_TOLD).where(secrets.c.workspace == workspace).order_by(secrets.c.name)
        with self._database.reading() as connection:
            return [_secret(row) for row in connection.execute(query)]

    def read_sealed(self, workspace: str, name: str) -> tuple[Secret, str]:
        query = select(*_TOLD, secrets.c.sealed).where(_is(workspace, name))
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(f"Workspace '{workspace}' has no secret '{name}'.")
        return _secret(row), row.sealed

    def remove_secret(self, workspace: str, name: str) -> bool:
        with self._database.writing() as connection:
            return connection.execute(delete(secrets).where(_is(workspace, name))).rowcount > 0


def _is(workspace: str, name: str) -> ColumnElement[bool]:
    return (secrets.c.workspace == workspace) & (secrets.c.name == name)


def _secret(row: Any) -> Secret:
    return Secret(row.name, row.content_type, row.created_ms, row.updated_ms, row.updated_by)
