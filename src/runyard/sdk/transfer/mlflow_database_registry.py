"""The registered models of a database of MLflow's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, select

from runyard.sdk.transfer.mlflow_values import DELETED_STAGE
from runyard.sdk.transfer.records import SourceRegisteredModel, SourceVersion

PAGE = 100

Tables = Mapping[str, Table]


def read_registered_models(
    connection: Connection, tables: Tables, workspace: str
) -> Iterator[SourceRegisteredModel]:
    """Yield the registered models of a workspace, by name."""
    if "registered_models" not in tables:
        return
    last = ""
    while True:
        query = _of_workspace(tables["registered_models"], workspace)
        columns = tables["registered_models"].c
        rows = connection.execute(query.where(columns.name > last).order_by(columns.name).limit(PAGE)).all()
        names = [row.name for row in rows]
        tags: dict[str, dict[str, str]] = defaultdict(dict)
        for row in _hanging(connection, tables, "registered_model_tags", workspace, names):
            tags[row.name][row.key] = row.value or ""
        aliases: dict[str, dict[str, int]] = defaultdict(dict)
        for row in _hanging(connection, tables, "registered_model_aliases", workspace, names):
            aliases[row.name][row.alias] = row.version
        for row in rows:
            yield _model(row, tags[row.name], aliases[row.name])
        if len(rows) < PAGE:
            return
        last = names[-1]


def read_versions(
    connection: Connection, tables: Tables, workspace: str, model: SourceRegisteredModel
) -> Iterator[SourceVersion]:
    """Yield the versions of a model that are not deleted, the lowest number first."""
    table, last = tables["model_versions"], 0
    while True:
        query = _of_workspace(table, workspace).where(
            table.c.name == model.name, table.c.version > last, table.c.current_stage != DELETED_STAGE
        )
        rows = connection.execute(query.order_by(table.c.version).limit(PAGE)).all()
        numbers = [row.version for row in rows]
        tags: dict[int, dict[str, str]] = defaultdict(dict)
        for row in _hanging(connection, tables, "model_version_tags", workspace, [model.name], numbers):
            tags[row.version][row.key] = row.value or ""
        yield from (_version(row, tags[row.version]) for row in rows)
        if len(rows) < PAGE:
            return
        last = numbers[-1]


def _of_workspace(table: Table, workspace: str) -> Select[Any]:
    query = select(table)
    return query.where(table.c.workspace == workspace) if "workspace" in table.c else query


def _hanging(
    connection: Connection,
    tables: Tables,
    name: str,
    workspace: str,
    names: list[str],
    versions: list[int] | None = None,
) -> Iterator[Row[Any]]:
    if name not in tables:
        return
    columns = tables[name].c
    query = _of_workspace(tables[name], workspace).where(columns.name.in_(names))
    yield from connection.execute(query if versions is None else query.where(columns.version.in_(versions)))


def _model(row: Row[Any], tags: Mapping[str, str], aliases: Mapping[str, int]) -> SourceRegisteredModel:
    return SourceRegisteredModel(
        name=row.name,
        created_ms=row.creation_time,
        updated_ms=row.last_updated_time,
        description=row.description or "",
        tags=tags,
        aliases=aliases,
    )


def _version(row: Row[Any], tags: Mapping[str, str]) -> SourceVersion:
    return SourceVersion(
        version=row.version,
        created_ms=row.creation_time,
        updated_ms=row.last_updated_time,
        description=row.description or "",
        stage=row.current_stage or "",
        source=row.source or "",
        location=getattr(row, "storage_location", None) or "",
        run_id=row.run_id or "",
        run_link=getattr(row, "run_link", None) or "",
        tags=tags,
    )
