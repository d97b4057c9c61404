"""The tables of sweeps and of their trials."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Integer, Table, text

from runyard.stores.column_types import TEXT
from runyard.stores.metadata.schema import tables

IS_RUNNING = "status = 'running'"

sweeps = Table(
    "sweeps",
    tables,
    Column("run_number", BigInteger, ForeignKey("runs.run_number", ondelete="CASCADE"), primary_key=True),
    Column("run_id", TEXT, nullable=False, unique=True),
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), nullable=False),
    Column("experiment_id", BigInteger, nullable=False),
    Column("spec", TEXT, nullable=False),  # JSON
    Column("status", TEXT, nullable=False),
    Column("submitted_ms", BigInteger, nullable=False),
    Column("principal_id", TEXT, nullable=False),
    Column("submitted_by", TEXT, nullable=False),
    Column("ended_ms", BigInteger),
    Column("closed_ms", BigInteger),
    Column("closed_as", TEXT),
    Column("reason", TEXT, nullable=False),
    Index(None, "workspace", "submitted_ms"),
)

trials = Table(
    "trials",
    tables,
    Column("sweep_number", BigInteger, ForeignKey("sweeps.run_number", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("run_id", TEXT, nullable=False),
    Column("parameters", TEXT, nullable=False),  # JSON
    Column("status", TEXT, nullable=False),
    Column("value", Double),
    Column("is_stopped", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

# Those that go on are few among all, and are looked at again and again.
Index(
    "ix_sweeps_running",
    sweeps.c.submitted_ms,
    sqlite_where=text(IS_RUNNING),
    postgresql_where=text(IS_RUNNING),
)
