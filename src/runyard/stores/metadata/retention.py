"""Retention rules in SQL."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, insert, select

from runyard.entities.retention import RetentionRule
from runyard.stores.database import Database
from runyard.stores.metadata.base_retention import RetentionRuleStore
from runyard.stores.metadata.schema import retention_rules, workspaces


class SqlRetentionRules(RetentionRuleStore):
    """Keeps rules in the table ``retention_rules``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_rule(self, workspace: str, rule: RetentionRule) -> None:
        row = {
            "workspace": workspace,
            "experiment_id": None if rule.experiment_id is None else int(rule.experiment_id),
            "older_than_ms": rule.older_than_ms,
            "keep_last": rule.keep_last,
            "is_untagged": rule.is_untagged,
            "updated_ms": rule.updated_ms,
        }
        with self._database.writing() as connection:
            # Two who set it at once would each find no other's row to replace.
            held = select(workspaces.c.name).where(workspaces.c.name == workspace)
            connection.execute(held.with_for_update(key_share=True))
            connection.execute(delete(retention_rules).where(_is_of(workspace, rule.experiment_id)))
            connection.execute(insert(retention_rules), row)

    def list_rules(self, workspace: str) -> list[RetentionRule]:
        columns = retention_rules.c
        query = select(retention_rules).where(columns.workspace == workspace)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(columns.experiment_id.nulls_first())).all()
        return [
            RetentionRule(
                experiment_id=None if row.experiment_id is None else str(row.experiment_id),
                older_than_ms=row.older_than_ms,
                keep_last=row.keep_last,
                is_untagged=row.is_untagged,
                updated_ms=row.updated_ms,
            )
            for row in rows
        ]

    def remove_rule(self, workspace: str, experiment_id: str | None) -> bool:
        with self._database.writing() as connection:
            gone = delete(retention_rules).where(_is_of(workspace, experiment_id))
            return connection.execute(gone).rowcount > 0


def _is_of(workspace: str, experiment_id: str | None) -> ColumnElement[bool]:
    columns = retention_rules.c
    number = None if experiment_id is None else int(experiment_id)
    return (columns.workspace == workspace) & columns.experiment_id.is_not_distinct_from(number)
