"""What is known of the code of jobs, in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, exists, select, text

from runyard.stores.database import Database, upsert
from runyard.stores.metadata.base_jobs import Snapshot, SnapshotStore
from runyard.stores.metadata.schema_jobs import jobs, snapshots
from runyard.stores.metadata.schema_sweeps import IS_RUNNING, sweeps

_IS_OF_A_JOB = exists().where(
    jobs.c.workspace == snapshots.c.workspace, jobs.c.snapshot == snapshots.c.sha256
)
# It has trials to begin, perhaps days after the last one.
_IS_OF_A_SWEEP = exists().where(
    text(IS_RUNNING),
    sweeps.c.workspace == snapshots.c.workspace,
    sweeps.c.spec.contains(snapshots.c.sha256),
)
_IS_NAMED = _IS_OF_A_JOB | _IS_OF_A_SWEEP


class SqlSnapshots(SnapshotStore):
    """Keeps the hashes of archives in the table ``snapshots``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, snapshot: Snapshot, now_ms: int) -> None:
        row = {
            "workspace": snapshot.workspace,
            "sha256": snapshot.sha256,
            "size_bytes": snapshot.size_bytes,
            "used_ms": now_ms,
        }
        with self._database.writing() as connection:
            upsert(connection, snapshots, [row], ["used_ms"])

    def find_snapshot(self, workspace: str, sha256: str) -> Snapshot | None:
        query = select(snapshots).where(_is(workspace, sha256))
        with self._database.reading() as connection:
            row = connection.execute(self._database.locked(query, snapshots)).one_or_none()
        return None if row is None else _snapshot(row)

    def list_unneeded(self, used_before_ms: int, limit: int) -> Sequence[Snapshot]:
        query = select(snapshots).where(snapshots.c.used_ms < used_before_ms, ~_IS_NAMED).limit(limit)
        with self._database.reading() as connection:
            return [_snapshot(row) for row in connection.execute(query)]

    def forget(self, unneeded: Collection[Snapshot], used_before_ms: int) -> list[Snapshot]:
        with self._database.writing() as connection:
            return [
                each
                for each in unneeded
                if connection.execute(
                    delete(snapshots).where(
                        _is(each.workspace, each.sha256), snapshots.c.used_ms < used_before_ms, ~_IS_NAMED
                    )
                ).rowcount
            ]


def _is(workspace: str, sha256: str) -> ColumnElement[bool]:
    return (snapshots.c.workspace == workspace) & (snapshots.c.sha256 == sha256)


def _snapshot(row: Row[Any]) -> Snapshot:
    return Snapshot(row.workspace, row.sha256, row.size_bytes)
