"""Kept documents of runs as rows of a table and not of an index, where SQLite wasted half of the room."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Copy them; on PostgreSQL there is no such difference."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.rename_table("run_documents", "earlier_run_documents")
    op.create_table(
        "run_documents",
        sa.Column("run_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_number"], ["runs.run_number"], name=op.f("fk_run_documents_run_number"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_number", name=op.f("pk_run_documents")),
    )
    op.execute("INSERT INTO run_documents SELECT * FROM earlier_run_documents ORDER BY run_number")
    op.drop_table("earlier_run_documents")
