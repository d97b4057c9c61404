"""The tables of environments and of data assets, each with its versions."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, UniqueConstraint

from runyard.stores.column_types import AUTO_ID, TEXT
from runyard.stores.metadata.schema import tables

environments = Table(
    "environments",
    tables,
    Column("environment_number", AUTO_ID, primary_key=True, autoincrement=True),
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("tags", TEXT, nullable=False),  # JSON
    Column("is_archived", Boolean, nullable=False),
    Column("last_version", Integer, nullable=False),
    # The one that was registered last, which may be an older one again.
    Column("latest_version", Integer, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    UniqueConstraint("workspace", "name"),
    sqlite_autoincrement=True,
)

environment_versions = Table(
    "environment_versions",
    tables,
    Column(
        "environment_number",
        BigInteger,
        ForeignKey("environments.environment_number", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("version", Integer, primary_key=True),
    # The same content again is the same version.
    Column("content_sha256", TEXT, nullable=False),
    Column("content", TEXT, nullable=False),  # JSON
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", TEXT, nullable=False),
    UniqueConstraint("environment_number", "content_sha256"),
)

data_assets = Table(
    "data_assets",
    tables,
    Column("asset_number", AUTO_ID, primary_key=True, autoincrement=True),
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("last_version", Integer, nullable=False),
    UniqueConstraint("workspace", "name"),
    sqlite_autoincrement=True,
)

data_asset_versions = Table(
    "data_asset_versions",
    tables,
    Column(
        "asset_number",
        BigInteger,
        ForeignKey("data_assets.asset_number", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("version", Integer, primary_key=True),
    Column("asset_id", TEXT, nullable=False, unique=True),
    Column("kind", TEXT, nullable=False),
    # JSON: where the data lies and how it is read
    Column("content", TEXT, nullable=False),
    Column("content_sha256", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("tags", TEXT, nullable=False),  # JSON
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", TEXT, nullable=False),
)

# The folders of the workspace that a version keeps.
data_asset_folders = Table(
    "data_asset_folders",
    tables,
    Column(
        "asset_id", TEXT, ForeignKey("data_asset_versions.asset_id", ondelete="CASCADE"), primary_key=True
    ),
    Column("kept_at", TEXT, primary_key=True),
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), nullable=False),
    Index(None, "workspace", "kept_at"),
    sqlite_with_rowid=False,
)
