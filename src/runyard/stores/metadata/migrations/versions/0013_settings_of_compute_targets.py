"""How compute targets elsewhere are reached."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Targets that there are stay on the server's own machine, which needs no settings."""
    for column in (
        sa.Column("settings", _TEXT, nullable=False, server_default="{}"),
        sa.Column("sealed", _TEXT, nullable=False, server_default=""),
        sa.Column("is_leaving", sa.Boolean(), nullable=False, server_default=sa.false()),
    ):
        op.add_column("compute_targets", column)
