"""What workspaces hold and may hold, what happened, and who is told of it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_AUTO_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables; nothing that there was changes."""
    _make_use()
    _make_quotas()
    _make_events()
    _make_webhooks()
    _make_deliveries()


def _numbers(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _TEXT, nullable=nullable)


def _of_workspace(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_workspace")
    return sa.ForeignKeyConstraint(["workspace"], ["workspaces.name"], name=name, ondelete="CASCADE")


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _make_use() -> None:
    op.create_table(
        "workspace_use",
        _text("workspace"),
        *_numbers("metric_points", "artifact_files", "artifact_bytes", "deleted_files", "deleted_bytes"),
        *_numbers("added_points", "added_bytes"),
        *_numbers("measured_ms", nullable=True),
        *_numbers("claimed_ms"),
        _of_workspace("workspace_use"),
        _key("workspace_use", "workspace"),
    )
    op.create_table(
        "experiment_use",
        _text("workspace"),
        *_numbers("experiment_id", "artifact_files", "artifact_bytes"),
        _of_workspace("experiment_use"),
        _key("experiment_use", "workspace", "experiment_id"),
        sqlite_with_rowid=False,
    )


def _make_quotas() -> None:
    limits = ("max_runs", "max_experiments", "max_artifact_bytes", "max_metric_points")
    op.create_table(
        "quotas",
        _text("workspace"),
        *_numbers(*limits, nullable=True),
        *_numbers("updated_ms"),
        _of_workspace("quotas"),
        _key("quotas", "workspace"),
    )


def _make_events() -> None:
    op.create_table(
        "events",
        sa.Column("event_number", _AUTO_ID, autoincrement=True, nullable=False),
        _text("kind"),
        _text("workspace", nullable=True),
        *_numbers("happened_ms"),
        _text("message"),
        _text("subject"),
        _text("once", nullable=True),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        _of_workspace("events"),
        _key("events", "event_number"),
        sa.UniqueConstraint("once", name=op.f("uq_events_once")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_events_happened_ms"), "events", ["happened_ms"])
    op.create_index(op.f("ix_events_workspace_event_number"), "events", ["workspace", "event_number"])
    op.create_index(
        "ix_events_new",
        "events",
        ["event_number"],
        sqlite_where=sa.text("is_new = 1"),
        postgresql_where=sa.text("is_new"),
    )


def _make_webhooks() -> None:
    op.create_table(
        "webhooks",
        *map(_text, ("webhook_id", "url", "secret", "kinds")),
        _text("workspace", nullable=True),
        *_numbers("created_ms"),
        _text("created_by"),
        _of_workspace("webhooks"),
        _key("webhooks", "webhook_id"),
    )


def _make_deliveries() -> None:
    table = "webhook_deliveries"
    op.create_table(
        table,
        sa.Column("delivery_number", _AUTO_ID, autoincrement=True, nullable=False),
        _text("webhook_id"),
        *_numbers("event_number"),
        _text("state"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        *_numbers("created_ms", "due_ms"),
        *_numbers("tried_ms", nullable=True),
        sa.Column("last_status", sa.Integer()),
        _text("last_error"),
        sa.ForeignKeyConstraint(
            ["event_number"],
            ["events.event_number"],
            name=op.f(f"fk_{table}_event_number"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.webhook_id"], name=op.f(f"fk_{table}_webhook_id"), ondelete="CASCADE"
        ),
        _key(table, "delivery_number"),
        sa.UniqueConstraint("webhook_id", "event_number", name=op.f(f"uq_{table}_webhook_id_event_number")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f(f"ix_{table}_event_number"), table, ["event_number"])
    op.create_index(op.f(f"ix_{table}_state_due_ms"), table, ["state", "due_ms"])
