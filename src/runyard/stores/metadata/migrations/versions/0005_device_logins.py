"""Machines ask to be logged in, and somebody who is signed in says yes or no."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table; nothing that there was changes."""
    op.create_table(
        "device_logins",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("device_sha256", "user_code")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("machine", "client")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created_ms", "expires_ms")),
        sa.Column("state", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text()) for name in ("principal_id", "scope", "workspace", "parent_key_id")),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.principal_id"], name=op.f("fk_device_logins_principal_id")
        ),
        sa.PrimaryKeyConstraint("device_sha256", name=op.f("pk_device_logins")),
        sa.UniqueConstraint("user_code", name=op.f("uq_device_logins_user_code")),
    )
