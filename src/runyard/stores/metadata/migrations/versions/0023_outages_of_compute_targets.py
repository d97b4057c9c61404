"""Since when a compute target can't be reached, for all servers of the database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add the columns; nothing is known of the targets that are there."""
    op.add_column("compute_targets", sa.Column("unreachable_since_ms", sa.BigInteger()))
    op.add_column(
        "compute_targets", sa.Column("unreachable_reason", sa.Text(), nullable=False, server_default="")
    )
