"""Quotas in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import delete, func, select

from runyard.entities.quota import Limited, Quota, Used
from runyard.stores.database import Database, upsert
from runyard.stores.metadata.base_quotas import QuotaStore
from runyard.stores.metadata.schema import REMOVED, experiments, runs, workspaces
from runyard.stores.metadata.schema_operation import quotas
from runyard.stores.metadata.usage import SqlUsage

_LIMITS = [each.value for each in Limited]


class SqlQuotas(QuotaStore):
    """Keeps quotas in the table ``quotas``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_quota(self, workspace: str, quota: Quota, now_ms: int) -> None:
        with self._database.writing() as connection:
            if quota == Quota():
                connection.execute(delete(quotas).where(quotas.c.workspace == workspace))
                return
            row = {"workspace": workspace, **asdict(quota), "updated_ms": now_ms}
            upsert(connection, quotas, [row], [*_LIMITS, "updated_ms"])

    def list_quotas(self) -> dict[str, Quota]:
        columns = (workspaces.c.name, *(quotas.c[name] for name in _LIMITS))
        query = select(*columns).select_from(workspaces.outerjoin(quotas)).order_by(workspaces.c.name)
        with self._database.reading() as connection:
            rows = connection.execute(query.where(workspaces.c.removed_ms.is_(None))).all()
        return {row[0]: Quota(*row[1:]) for row in rows}

    def count_used(self, workspaces: Sequence[str]) -> dict[str, Used]:
        # All that it asks is in one index, which is read for each workspace with a quota every few seconds.
        of_these = (experiments.c.workspace.in_(workspaces), experiments.c.lifecycle_stage != REMOVED)
        counted = select(experiments.c.workspace, func.count()).where(*of_these)
        of_runs = (
            select(experiments.c.workspace, func.count())
            .join_from(runs, experiments)
            .where(*of_these, runs.c.lifecycle_stage != REMOVED)
        )
        with self._database.reading() as connection:
            found = [
                {row[0]: row[1] for row in connection.execute(query.group_by(experiments.c.workspace))}
                for query in (counted, of_runs)
            ]
        measured = SqlUsage(self._database).read_measured(workspaces)
        return {
            name: {
                Limited.EXPERIMENTS: found[0].get(name, 0),
                Limited.RUNS: found[1].get(name, 0),
                Limited.ARTIFACT_BYTES: measured[name].artifact_bytes,
                Limited.METRIC_POINTS: measured[name].metric_points,
            }
            for name in workspaces
        }
