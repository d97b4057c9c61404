"""When something last came of each run that is under way, by the server's clock."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the table; a run that is under way counts as heard of when it is looked at first."""
    op.create_table(
        "run_watches",
        sa.Column(
            "run_number",
            sa.BigInteger(),
            sa.ForeignKey("runs.run_number", ondelete="CASCADE", name="fk_run_watches_run_number"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("heard_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_number", name="pk_run_watches"),
        sqlite_with_rowid=False,
    )
