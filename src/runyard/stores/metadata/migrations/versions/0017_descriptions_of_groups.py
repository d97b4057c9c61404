"""What a group is for, in free words, as MLflow's clients write it of a role."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column; those who were there before have none."""
    op.add_column("principals", sa.Column("description", _TEXT))
