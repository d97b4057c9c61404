"""Registered models, their versions, and what is told of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_AUTO_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables, and a column of events; what there was stays as it is."""
    op.add_column("events", sa.Column("payload", _TEXT))
    _make_models()
    _make_versions()
    _make_tags("registered_model_tags", "registered_models", "model_number")
    _make_tags("model_version_tags", "model_versions", "version_number")
    _make_aliases()


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _TEXT, nullable=nullable)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))


def _make_models() -> None:
    table = "registered_models"
    op.create_table(
        table,
        sa.Column("model_number", _AUTO_ID, autoincrement=True, nullable=False),
        *map(_text, ("workspace", "name", "description")),
        *map(_number, ("created_ms", "updated_ms")),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.Column("is_prompt", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.name"], name=op.f(f"fk_{table}_workspace"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model_number", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("workspace", "name", name=op.f(f"uq_{table}_workspace_name")),
        sqlite_autoincrement=True,
    )
    _index(table, "workspace", "is_prompt", "name")
    _index(table, "workspace", "is_prompt", "updated_ms", "name")


def _make_versions() -> None:
    table = "model_versions"
    op.create_table(
        table,
        sa.Column("version_number", _AUTO_ID, autoincrement=True, nullable=False),
        _number("model_number"),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("workspace"),
        sa.Column("is_prompt", sa.Boolean(), nullable=False),
        *map(_number, ("created_ms", "updated_ms")),
        *map(_text, ("stage", "source", "storage_location", "kept_at", "run_id", "model_id", "run_link")),
        _text("description", nullable=True),
        sa.ForeignKeyConstraint(
            ["model_number"],
            ["registered_models.model_number"],
            name=op.f(f"fk_{table}_model_number"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_number", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("model_number", "version", name=op.f(f"uq_{table}_model_number_version")),
        sqlite_autoincrement=True,
    )
    _index(table, "model_number", "stage", "version")
    _index(table, "workspace", "is_prompt", "updated_ms")
    _index(table, "workspace", "run_id")
    _index(table, "workspace", "kept_at")


def _make_tags(table: str, owners: str, owner: str) -> None:
    op.create_table(
        table,
        _number(owner),
        *map(_text, ("key", "value")),
        sa.ForeignKeyConstraint(
            [owner], [f"{owners}.{owner}"], name=op.f(f"fk_{table}_{owner}"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(owner, "key", name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )


def _make_aliases() -> None:
    table = "registered_model_aliases"
    op.create_table(
        table,
        _number("model_number"),
        _text("alias"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_number", "version"],
            ["model_versions.model_number", "model_versions.version"],
            name=op.f(f"fk_{table}_model_number_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("model_number", "alias", name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )
    _index(table, "model_number", "version")
