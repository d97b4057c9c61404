"""Webhooks by MLflow's protocol, and such that are told when a metric crosses a threshold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add columns, a table and an index; webhooks that there were go on as they did."""
    for name in ("name", "description"):
        op.add_column("webhooks", sa.Column(name, _TEXT, nullable=False, server_default=""))
    op.add_column("webhooks", _flag("is_active", sa.true()))
    op.add_column("webhooks", _flag("is_mlflow", sa.false()))
    op.add_column("webhooks", sa.Column("updated_ms", sa.BigInteger(), nullable=False, server_default="0"))
    for name in ("metric", "comparison"):
        op.add_column("webhooks", sa.Column(name, _TEXT))
    op.add_column("webhooks", sa.Column("threshold", sa.Double()))
    op.add_column("webhooks", sa.Column("experiment_id", sa.BigInteger()))
    _make_crossings()
    running = sa.text("status = 'RUNNING'")
    op.create_index(
        "ix_runs_running",
        "runs",
        ["experiment_id", "run_number"],
        sqlite_where=running,
        postgresql_where=running,
    )


def _flag(name: str, default: sa.ColumnElement[bool]) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=default)


def _make_crossings() -> None:
    table = "webhook_crossings"
    op.create_table(
        table,
        sa.Column("webhook_id", _TEXT, nullable=False),
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("crossed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.webhook_id"], name=op.f(f"fk_{table}_webhook_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["run_number"], ["runs.run_number"], name=op.f(f"fk_{table}_run_number"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("webhook_id", "run_number", name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f(f"ix_{table}_run_number"), table, ["run_number"])
