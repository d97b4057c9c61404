"""Jobs, the code that they run, and compute targets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_IS_ACTIVE = sa.text("status NOT IN ('canceled', 'completed', 'failed')")


def upgrade() -> None:
    """Add the tables; what there was stays as it is."""
    op.create_table(
        "compute_targets",
        sa.Column("workspace", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("description", _TEXT, nullable=False),
        sa.Column("tags", _TEXT, nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.name"], name=op.f("fk_compute_targets_workspace"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace", "name", name=op.f("pk_compute_targets")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "snapshots",
        sa.Column("workspace", _TEXT, nullable=False),
        sa.Column("sha256", _TEXT, nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.name"], name=op.f("fk_snapshots_workspace"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace", "sha256", name=op.f("pk_snapshots")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "jobs",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("run_id", _TEXT, nullable=False),
        sa.Column("workspace", _TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("compute", _TEXT, nullable=False),
        sa.Column("snapshot", _TEXT, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("spec", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("submitted_ms", sa.BigInteger(), nullable=False),
        sa.Column("principal_id", _TEXT, nullable=False),
        sa.Column("submitted_by", _TEXT, nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("canceled_ms", sa.BigInteger(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("reason", _TEXT, nullable=False),
        sa.Column("host", _TEXT, nullable=False),
        sa.Column("launched", _TEXT, nullable=False),
        sa.Column("agent_id", _TEXT, nullable=False),
        sa.Column("key_sha256", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["run_number"], ["runs.run_number"], name=op.f("fk_jobs_run_number"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.name"], name=op.f("fk_jobs_workspace"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_number", name=op.f("pk_jobs")),
        sa.UniqueConstraint("run_id", name=op.f("uq_jobs_run_id")),
    )
    op.create_index(
        "ix_jobs_active",
        "jobs",
        ["workspace", "compute"],
        sqlite_where=_IS_ACTIVE,
        postgresql_where=_IS_ACTIVE,
    )
    op.create_index(op.f("ix_jobs_workspace_snapshot"), "jobs", ["workspace", "snapshot"])
    op.create_index(op.f("ix_jobs_workspace_submitted_ms"), "jobs", ["workspace", "submitted_ms"])
