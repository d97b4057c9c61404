"""The tables of registered models, their versions, and what hangs on both."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    UniqueConstraint,
)

from runyard.stores.column_types import AUTO_ID, TEXT
from runyard.stores.metadata.schema import tables


def _tags(name: str, owner: str) -> Table:
    """A table of tags. A prompt's text is one, too long for an index of values."""
    return Table(
        name,
        tables,
        Column(owner.rpartition(".")[2], BigInteger, ForeignKey(owner, ondelete="CASCADE"), primary_key=True),
        Column("key", TEXT, primary_key=True),
        Column("value", TEXT, nullable=False),
        sqlite_with_rowid=False,
    )


registered_models = Table(
    "registered_models",
    tables,
    Column("model_number", AUTO_ID, primary_key=True, autoincrement=True),
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    # The last number that was given, whether or not that version is still there.
    Column("last_version", Integer, nullable=False),
    # What its tag says: searches look at prompts alone or at everything else.
    Column("is_prompt", Boolean, nullable=False),
    UniqueConstraint("workspace", "name"),
    Index(None, "workspace", "is_prompt", "name"),
    Index(None, "workspace", "is_prompt", "updated_ms", "name"),
    sqlite_autoincrement=True,
)

registered_model_tags = _tags("registered_model_tags", "registered_models.model_number")

model_versions = Table(
    "model_versions",
    tables,
    Column("version_number", AUTO_ID, primary_key=True, autoincrement=True),
    Column(
        "model_number",
        BigInteger,
        ForeignKey("registered_models.model_number", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("version", Integer, nullable=False),
    # Of its model, here again to be searched by.
    Column("workspace", TEXT, nullable=False),
    # Whether its model is a prompt, or its own tag says so.
    Column("is_prompt", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("stage", TEXT, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("storage_location", TEXT, nullable=False),
    # The folder of its files below the workspace's artifacts, which stays while it lives; empty if elsewhere.
    Column("kept_at", TEXT, nullable=False),
    Column("run_id", TEXT, nullable=False),
    Column("model_id", TEXT, nullable=False),
    Column("run_link", TEXT, nullable=False),
    Column("description", TEXT),
    UniqueConstraint("model_number", "version"),
    Index(None, "model_number", "stage", "version"),
    Index(None, "workspace", "is_prompt", "updated_ms"),
    Index(None, "workspace", "run_id"),
    Index(None, "workspace", "kept_at"),
    sqlite_autoincrement=True,
)

model_version_tags = _tags("model_version_tags", "model_versions.version_number")

registered_model_aliases = Table(
    "registered_model_aliases",
    tables,
    Column("model_number", BigInteger, primary_key=True),
    Column("alias", TEXT, primary_key=True),
    Column("version", Integer, nullable=False),
    ForeignKeyConstraint(
        ["model_number", "version"],
        ["model_versions.model_number", "model_versions.version"],
        ondelete="CASCADE",
    ),
    Index(None, "model_number", "version"),
    sqlite_with_rowid=False,
)
