"""Data assets in SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from runyard.decoding import learnt
from runyard.entities.data_asset import DataAsset, DataContent
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.artifacts.paths import ArtifactPath
from runyard.stores.database import Database, chunks, insert_if_free
from runyard.stores.metadata.base_data_assets import DataAssetStore, RegisteredAsset
from runyard.stores.metadata.registry_rows import note_unneeded_folders
from runyard.stores.metadata.schema import removed_artifacts
from runyard.stores.metadata.schema_assets import data_asset_folders, data_asset_versions, data_assets

_OF_WHICH = data_asset_versions.c.asset_number == data_assets.c.asset_number
_OTHERS = data_asset_versions.alias("others")
_LATEST = (
    select(func.max(_OTHERS.c.version))
    .where(_OTHERS.c.asset_number == data_assets.c.asset_number)
    .correlate(data_assets)
    .scalar_subquery()
)


class SqlDataAssets(DataAssetStore):
    """Keeps data assets in ``data_assets``, ``data_asset_versions`` and ``data_asset_folders``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, asset: DataAsset, *, as_new_version: bool) -> RegisteredAsset:
        with self._database.writing() as connection:
            row = {"workspace": asset.workspace, "name": asset.name, "last_version": 0}
            insert_if_free(connection, data_assets, row)
            held = self._held(connection, asset.workspace, asset.name)
            found = connection.execute(_of(asset.workspace, asset.name)).first()
            if found is not None and found.content_sha256 == asset.content.sha256():
                return RegisteredAsset(_asset(found), is_new=False)
            if found is not None and not as_new_version:
                raise AlreadyExists(
                    f"Data asset '{asset.name}' is something else in version {found.version}. Register it as "
                    "a new version (create_new_version=True), or choose another name."
                )
            version = held.last_version + 1
            made = replace(asset, version=version, latest_version=version)
            _add(connection, held.asset_number, made)
        return RegisteredAsset(made, is_new=True)

    def get_asset(self, workspace: str, name: str, version: int | None = None) -> DataAsset:
        query = _of(workspace, name)
        if version is not None:
            query = query.where(data_asset_versions.c.version == version)
        with self._database.reading() as connection:
            row = connection.execute(self._database.locked(query, data_assets)).first()
        if row is None:
            raise _not_found(workspace, name, version)
        return _asset(row)

    def get_asset_by_id(self, workspace: str, asset_id: str) -> DataAsset:
        query = _all().where(data_asset_versions.c.asset_id == asset_id, data_assets.c.workspace == workspace)
        with self._database.reading() as connection:
            row = connection.execute(self._database.locked(query, data_assets)).first()
        if row is None:
            raise NotFound(f"Workspace '{workspace}' has no data asset of the id '{asset_id}'.")
        return _asset(row)

    def list_assets(self, workspace: str, limit: int, offset: int = 0) -> list[DataAsset]:
        query = (
            _all()
            .where(data_assets.c.workspace == workspace, data_asset_versions.c.version == _LATEST)
            .order_by(data_assets.c.name)
        )
        with self._database.reading() as connection:
            return [_asset(row) for row in connection.execute(query.limit(limit).offset(offset))]

    def list_versions(self, workspace: str, name: str, limit: int, offset: int = 0) -> list[DataAsset]:
        query = _of(workspace, name).limit(limit).offset(offset)
        with self._database.reading() as connection:
            found = [_asset(row) for row in connection.execute(query)]
        if not found and not offset:
            raise _not_found(workspace, name, None)
        return found

    def describe(self, asset_id: str, description: str, tags: Mapping[str, str]) -> None:
        this = data_asset_versions.c.asset_id == asset_id
        values = {"description": description, "tags": json.dumps(dict(tags))}
        with self._database.writing() as connection:
            connection.execute(update(data_asset_versions).where(this).values(**values))

    def delete(self, workspace: str, name: str, version: int | None, now_ms: int) -> int:
        with self._database.writing() as connection:
            found = [
                row
                for row in connection.execute(self._database.locked(_of(workspace, name), data_assets))
                if version in {None, row.version}
            ]
            if not found:
                raise _not_found(workspace, name, version)
            folders = [folder for row in found for folder in _content(row).folders()]
            these = data_asset_versions.c.asset_id.in_([row.asset_id for row in found])
            if version is None:
                these = data_asset_versions.c.asset_number == found[0].asset_number
            connection.execute(delete(data_asset_versions).where(these))
            note_unneeded_folders(connection, workspace, folders, now_ms)
        return len(found)

    def find_unkept(self, workspace: str, folders: Sequence[str]) -> list[str]:
        known: set[str] = set()
        kept_at, removed = data_asset_folders.c.kept_at, removed_artifacts.c.path
        paths = {str(_path(workspace, folder)): folder for folder in folders}
        with self._database.reading() as connection:
            for part in chunks(list(folders)):
                here = data_asset_folders.c.workspace == workspace
                known |= set(connection.scalars(select(kept_at).where(here, kept_at.in_(part))))
            for part in chunks(list(paths)):
                found = connection.scalars(select(removed).where(removed.in_(part)))
                known |= {paths[path] for path in found}
        return [folder for folder in folders if folder not in known]

    def note_unkept(self, workspace: str, folders: Sequence[str], now_ms: int) -> None:
        with self._database.writing() as connection:
            note_unneeded_folders(connection, workspace, folders, now_ms)

    def _held(self, connection: Connection, workspace: str, name: str) -> Row[Any]:
        query = select(data_assets).where(data_assets.c.workspace == workspace, data_assets.c.name == name)
        return connection.execute(self._database.locked(query, data_assets)).one()


def _path(workspace: str, folder: str) -> ArtifactPath:
    return ArtifactPath((workspace, *folder.split("/")))


def _all() -> Select[Any]:
    return select(
        data_assets.c.workspace, data_assets.c.name, _LATEST.label("latest_version"), data_asset_versions
    ).select_from(data_assets.join(data_asset_versions, _OF_WHICH))


def _of(workspace: str, name: str) -> Select[Any]:
    these = (data_assets.c.workspace == workspace, data_assets.c.name == name)
    return _all().where(*these).order_by(data_asset_versions.c.version.desc())


def _add(connection: Connection, asset_number: int, asset: DataAsset) -> None:
    row = {
        "asset_number": asset_number,
        "version": asset.version,
        "asset_id": asset.asset_id,
        "kind": asset.content.kind.value,
        "content": asset.content.as_json(),
        "content_sha256": asset.content.sha256(),
        "description": asset.description,
        "tags": json.dumps(dict(asset.tags)),
        "created_ms": asset.created_ms,
        "created_by": asset.created_by,
    }
    connection.execute(insert(data_asset_versions), row)
    folders = [
        {"asset_id": asset.asset_id, "kept_at": folder, "workspace": asset.workspace}
        for folder in asset.content.folders()
    ]
    if folders:
        connection.execute(insert(data_asset_folders), folders)
    this = data_assets.c.asset_number == asset_number
    connection.execute(update(data_assets).where(this).values(last_version=asset.version))


def _not_found(workspace: str, name: str, version: int | None) -> NotFound:
    which = f"data asset '{name}'" if version is None else f"version {version} of data asset '{name}'"
    return NotFound(f"Workspace '{workspace}' has no {which}.")


def _content(row: Row[Any]) -> DataContent:
    return msgspec.json.decode(row.content, type=learnt(DataContent))


def _asset(row: Row[Any]) -> DataAsset:
    return DataAsset(
        workspace=row.workspace,
        name=row.name,
        version=row.version,
        asset_id=row.asset_id,
        content=_content(row),
        created_ms=row.created_ms,
        created_by=row.created_by,
        description=row.description,
        tags=json.loads(row.tags),
        latest_version=row.latest_version,
    )
