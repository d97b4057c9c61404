"""Compute targets in SQL."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, select, update

from runyard.entities.compute_target import ComputeTarget, Outage
from runyard.errors import NotFound
from runyard.stores.database import Database, insert_if_free
from runyard.stores.metadata.base_jobs import ComputeTargetStore
from runyard.stores.metadata.schema_jobs import compute_targets


class SqlComputeTargets(ComputeTargetStore):
    """Keeps compute targets in the table ``compute_targets``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_target(self, target: ComputeTarget) -> bool:
        with self._database.writing() as connection:
            return insert_if_free(connection, compute_targets, _row(target))

    def update_target(self, target: ComputeTarget) -> None:
        change = update(compute_targets).where(_is(target.workspace, target.name)).values(**_row(target))
        with self._database.writing() as connection:
            if not connection.execute(change).rowcount:
                raise NotFound(f"Workspace '{target.workspace}' has no compute target '{target.name}'.")

    def note_outage(self, workspace: str, name: str, reason: str, now_ms: int) -> None:
        since = func.coalesce(compute_targets.c.unreachable_since_ms, now_ms)
        self._change(workspace, name, unreachable_since_ms=since, unreachable_reason=reason)

    def end_outage(self, workspace: str, name: str) -> None:
        self._change(workspace, name, unreachable_since_ms=None, unreachable_reason="")

    def find_target(self, workspace: str, name: str) -> ComputeTarget | None:
        query = select(compute_targets).where(_is(workspace, name))
        with self._database.reading() as connection:
            row = connection.execute(self._database.locked(query, compute_targets)).one_or_none()
        return None if row is None else _target(row)

    def list_targets(self, workspace: str | None = None) -> list[ComputeTarget]:
        query = select(compute_targets).order_by(compute_targets.c.workspace, compute_targets.c.name)
        if workspace is not None:
            query = query.where(compute_targets.c.workspace == workspace)
        with self._database.reading() as connection:
            return [_target(row) for row in connection.execute(query)]

    def remove_target(self, workspace: str, name: str) -> bool:
        with self._database.writing() as connection:
            return connection.execute(delete(compute_targets).where(_is(workspace, name))).rowcount > 0

    def _change(self, workspace: str, name: str, **values: Any) -> None:
        with self._database.writing() as connection:
            connection.execute(update(compute_targets).where(_is(workspace, name)).values(**values))


def _is(workspace: str, name: str) -> ColumnElement[bool]:
    return (compute_targets.c.workspace == workspace) & (compute_targets.c.name == name)


def _row(target: ComputeTarget) -> dict[str, Any]:
    return {
        "workspace": target.workspace,
        "name": target.name,
        "kind": target.kind,
        "slots": target.slots,
        "is_paused": target.is_paused,
        "description": target.description,
        "tags": json.dumps(dict(target.tags)),
        "created_ms": target.created_ms,
        "created_by": target.created_by,
        "settings": json.dumps(dict(target.settings)),
        "sealed": target.sealed,
        "is_leaving": target.is_leaving,
    }


def _target(row: Row[Any]) -> ComputeTarget:
    since_ms = row.unreachable_since_ms
    return ComputeTarget(
        workspace=row.workspace,
        name=row.name,
        kind=row.kind,
        slots=row.slots,
        is_paused=row.is_paused,
        description=row.description,
        tags=json.loads(row.tags),
        created_ms=row.created_ms,
        created_by=row.created_by,
        settings=json.loads(row.settings),
        sealed=row.sealed,
        is_leaving=row.is_leaving,
        outage=None if since_ms is None else Outage(since_ms, row.unreachable_reason),
    )
