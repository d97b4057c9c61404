"""Datastores in SQL."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, delete, select

from runyard.entities.datastore import Datastore, DatastoreKind, Place
from runyard.errors import NotFound
from runyard.stores.database import Database, insert_if_free, upsert
from runyard.stores.metadata.base_datastores import DatastoreStore
from runyard.stores.metadata.schema_datastores import datastores, default_datastores

_REPLACED = ["kind", "place", "sealed", "description", "created_by", "updated_ms"]
_DEFAULT = default_datastores.c


class SqlDatastores(DatastoreStore):
    """Keeps datastores in ``datastores``, and the chosen default of each workspace in a table of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_datastore(self, workspace: str, datastore: Datastore) -> bool:
        with self._database.writing() as connection:
            return insert_if_free(connection, datastores, _row(workspace, datastore))

    def replace_datastore(self, workspace: str, datastore: Datastore) -> None:
        with self._database.writing() as connection:
            upsert(connection, datastores, [_row(workspace, datastore)], _REPLACED)

    def get_datastore(self, workspace: str, name: str) -> Datastore:
        with self._database.reading() as connection:
            row = connection.execute(select(datastores).where(_is(workspace, name))).first()
        if row is None:
            raise NotFound(f"Workspace '{workspace}' has no datastore '{name}'.")
        return _datastore(row)

    def list_datastores(self, workspace: str) -> list[Datastore]:
        query = select(datastores).where(datastores.c.workspace == workspace).order_by(datastores.c.name)
        with self._database.reading() as connection:
            return [_datastore(row) for row in connection.execute(query)]

    def remove_datastore(self, workspace: str, name: str) -> bool:
        with self._database.writing() as connection:
            is_its = (_DEFAULT.workspace == workspace) & (_DEFAULT.name == name)
            connection.execute(delete(default_datastores).where(is_its))
            return connection.execute(delete(datastores).where(_is(workspace, name))).rowcount > 0

    def set_default(self, workspace: str, name: str) -> None:
        with self._database.writing() as connection:
            upsert(connection, default_datastores, [{"workspace": workspace, "name": name}], ["name"])

    def find_default(self, workspace: str) -> str | None:
        query = select(_DEFAULT.name).where(_DEFAULT.workspace == workspace)
        with self._database.reading() as connection:
            found: str | None = connection.execute(query).scalar()
        return found


def _is(workspace: str, name: str) -> ColumnElement[bool]:
    return (datastores.c.workspace == workspace) & (datastores.c.name == name)


def _row(workspace: str, datastore: Datastore) -> dict[str, Any]:
    return {
        "workspace": workspace,
        "name": datastore.name,
        "kind": datastore.kind.value,
        "place": json.dumps({name: value for name, value in asdict(datastore.place).items() if value}),
        "sealed": datastore.sealed,
        "description": datastore.description,
        "created_ms": datastore.created_ms,
        "created_by": datastore.created_by,
        "updated_ms": datastore.updated_ms,
    }


def _datastore(row: Any) -> Datastore:
    return Datastore(
        name=row.name,
        kind=DatastoreKind(row.kind),
        place=Place(**json.loads(row.place)),
        description=row.description,
        created_ms=row.created_ms,
        created_by=row.created_by,
        updated_ms=row.updated_ms,
        sealed=row.sealed,
    )
