"""The tables of what a workspace has beside experiments and models: its secrets and its datastores."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Table

from runyard.stores.column_types import TEXT
from runyard.stores.metadata.schema import tables

secrets = Table(
    "secrets",
    tables,
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), primary_key=True),
    Column("name", TEXT, primary_key=True),
    # encrypted, for this workspace and name alone
    Column("sealed", TEXT, nullable=False),
    Column("content_type", TEXT, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("updated_by", TEXT, nullable=False),
)

datastores = Table(
    "datastores",
    tables,
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), primary_key=True),
    Column("name", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("place", TEXT, nullable=False),  # JSON: bucket, prefix and what else says where it is
    # encrypted JSON; empty where none is needed
    Column("sealed", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)

default_datastores = Table(
    "default_datastores",
    tables,
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), primary_key=True),
    # of one that the server has in each workspace, or of a row above
    Column("name", TEXT, nullable=False),
)
