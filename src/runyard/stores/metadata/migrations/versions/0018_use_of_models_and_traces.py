"""What logged models, the registry and traces take, beside what a workspace's files take in all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_MEASURED = (
    "logged_model_files",
    "logged_model_bytes",
    "registered_files",
    "registered_bytes",
    "trace_files",
    "trace_file_bytes",
    "trace_database_bytes",
)


def upgrade() -> None:
    """Add the columns; they are filled when the workspace is measured the next time."""
    for name in _MEASURED:
        op.add_column("workspace_use", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
