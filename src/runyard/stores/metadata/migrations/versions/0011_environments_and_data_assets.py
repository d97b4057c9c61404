"""Environments and data assets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_AUTO_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables; what there was stays as it is."""
    op.create_table(
        "data_assets",
        sa.Column("asset_number", _AUTO_ID, autoincrement=True, nullable=False),
        sa.Column("workspace", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.name"], name=op.f("fk_data_assets_workspace"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("asset_number", name=op.f("pk_data_assets")),
        sa.UniqueConstraint("workspace", "name", name=op.f("uq_data_assets_workspace_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "environments",
        sa.Column("environment_number", _AUTO_ID, autoincrement=True, nullable=False),
        sa.Column("workspace", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("description", _TEXT, nullable=False),
        sa.Column("tags", _TEXT, nullable=False),
        sa.Column("is_archived", sa.Boolean(), nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.Column("latest_version", sa.Integer(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.name"], name=op.f("fk_environments_workspace"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("environment_number", name=op.f("pk_environments")),
        sa.UniqueConstraint("workspace", "name", name=op.f("uq_environments_workspace_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "data_asset_versions",
        sa.Column("asset_number", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("asset_id", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("content", _TEXT, nullable=False),
        sa.Column("content_sha256", _TEXT, nullable=False),
        sa.Column("description", _TEXT, nullable=False),
        sa.Column("tags", _TEXT, nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_number"],
            ["data_assets.asset_number"],
            name=op.f("fk_data_asset_versions_asset_number"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("asset_number", "version", name=op.f("pk_data_asset_versions")),
        sa.UniqueConstraint("asset_id", name=op.f("uq_data_asset_versions_asset_id")),
    )
    op.create_table(
        "environment_versions",
        sa.Column("environment_number", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_sha256", _TEXT, nullable=False),
        sa.Column("content", _TEXT, nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["environment_number"],
            ["environments.environment_number"],
            name=op.f("fk_environment_versions_environment_number"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("environment_number", "version", name=op.f("pk_environment_versions")),
        sa.UniqueConstraint(
            "environment_number",
            "content_sha256",
            name=op.f("uq_environment_versions_environment_number_content_sha256"),
        ),
    )
    op.create_table(
        "data_asset_folders",
        sa.Column("asset_id", _TEXT, nullable=False),
        sa.Column("kept_at", _TEXT, nullable=False),
        sa.Column("workspace", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_id"],
            ["data_asset_versions.asset_id"],
            name=op.f("fk_data_asset_folders_asset_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace"],
            ["workspaces.name"],
            name=op.f("fk_data_asset_folders_workspace"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("asset_id", "kept_at", name=op.f("pk_data_asset_folders")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_data_asset_folders_workspace_kept_at"), "data_asset_folders", ["workspace", "kept_at"]
    )
