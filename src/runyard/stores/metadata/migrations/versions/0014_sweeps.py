"""Sweeps and their trials."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_IS_RUNNING = sa.text("status = 'running'")


def upgrade() -> None:
    """Add the tables; what there was stays as it is."""
    op.create_table(
        "sweeps",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("run_id", _TEXT, nullable=False),
        sa.Column("workspace", _TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("spec", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("submitted_ms", sa.BigInteger(), nullable=False),
        sa.Column("principal_id", _TEXT, nullable=False),
        sa.Column("submitted_by", _TEXT, nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_as", _TEXT, nullable=True),
        sa.Column("reason", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["run_number"], ["runs.run_number"], name=op.f("fk_sweeps_run_number"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.name"], name=op.f("fk_sweeps_workspace"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_number", name=op.f("pk_sweeps")),
        sa.UniqueConstraint("run_id", name=op.f("uq_sweeps_run_id")),
    )
    op.create_index(
        "ix_sweeps_running",
        "sweeps",
        ["submitted_ms"],
        sqlite_where=_IS_RUNNING,
        postgresql_where=_IS_RUNNING,
    )
    op.create_index(op.f("ix_sweeps_workspace_submitted_ms"), "sweeps", ["workspace", "submitted_ms"])
    op.create_table(
        "trials",
        sa.Column("sweep_number", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("run_id", _TEXT, nullable=False),
        sa.Column("parameters", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("is_stopped", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sweep_number"], ["sweeps.run_number"], name=op.f("fk_trials_sweep_number"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sweep_number", "number", name=op.f("pk_trials")),
        sqlite_with_rowid=False,
    )
