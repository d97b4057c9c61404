"""What a workspace has beside experiments and models: its secrets and its datastores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add three tables."""
    _make_table(
        "secrets",
        ["workspace", "name"],
        _text("name"),
        _text("sealed"),
        _text("content_type"),
        _number("created_ms"),
        _number("updated_ms"),
        _text("updated_by"),
    )
    _make_table(
        "datastores",
        ["workspace", "name"],
        _text("name"),
        _text("kind"),
        _text("place"),
        _text("sealed"),
        _text("description"),
        _number("created_ms"),
        _text("created_by"),
        _number("updated_ms"),
    )
    _make_table("default_datastores", ["workspace"], _text("name"))


def _make_table(table: str, key: list[str], *columns: sa.Column[object]) -> None:
    op.create_table(
        table,
        _text("workspace"),
        *columns,
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.name"], name=op.f(f"fk_{table}_workspace"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
    )


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, _TEXT, nullable=False)


def _number(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)
