"""Which of the runs that fell silent were told, so that each is told once, however many there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the column; what was told before is known by its event."""
    op.add_column(
        "run_watches", sa.Column("is_told", sa.Boolean(), nullable=False, server_default=sa.false())
    )
