"""What a provider of identities calls the sessions that it began, and the logout tokens that have come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the tables; a session that was begun before ends by the person's name alone."""
    op.create_table(
        "provider_sessions",
        sa.Column("key_id", _TEXT, nullable=False),
        sa.Column("session_sha256", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_keys.key_id"], name=op.f("fk_provider_sessions_key_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_provider_sessions")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_provider_sessions_session_sha256"), "provider_sessions", ["session_sha256"])
    op.create_table(
        "logout_tokens",
        sa.Column("token_sha256", _TEXT, nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_logout_tokens")),
        sqlite_with_rowid=False,
    )
