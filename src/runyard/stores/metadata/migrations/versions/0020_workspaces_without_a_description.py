"""Workspaces without a description, which is not the same to MLflow's clients as an empty one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Let it be absent; of empty ones nobody knows whether they were ever set, so they are absent, too.

    SQLite can't loosen a column, and to make the table anew would take with it all that refers to it.
    """
    if op.get_bind().dialect.name == "sqlite":
        op.add_column("workspaces", sa.Column("loose_description", sa.Text(), nullable=True))
        op.execute("UPDATE workspaces SET loose_description = description")
        op.drop_column("workspaces", "description")
        op.execute("ALTER TABLE workspaces RENAME COLUMN loose_description TO description")
    else:
        op.alter_column("workspaces", "description", nullable=True, existing_type=sa.Text())
    op.execute("UPDATE workspaces SET description = NULL WHERE description = ''")
