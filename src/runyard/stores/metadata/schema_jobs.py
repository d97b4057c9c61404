"""The tables of jobs, of the code that they run, and of the targets that they run on."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, false, text

from runyard.entities.job import JobStatus
from runyard.stores.column_types import TEXT
from runyard.stores.metadata.schema import tables

OVER = tuple(sorted(status.value for status in JobStatus if status.is_over))
IS_ACTIVE = f"status NOT IN ({', '.join(repr(each) for each in OVER)})"

compute_targets = Table(
    "compute_targets",
    tables,
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), primary_key=True),
    Column("name", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("tags", TEXT, nullable=False),  # JSON
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("settings", TEXT, nullable=False, server_default="{}"),  # JSON
    Column("sealed", TEXT, nullable=False, server_default=""),
    Column("is_leaving", Boolean, nullable=False, server_default=false()),
    Column("unreachable_since_ms", BigInteger),
    Column("unreachable_reason", TEXT, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)

snapshots = Table(
    "snapshots",
    tables,
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), primary_key=True),
    Column("sha256", TEXT, primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    # When it was uploaded, or a job with it was submitted.
    Column("used_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

jobs = Table(
    "jobs",
    tables,
    Column("run_number", BigInteger, ForeignKey("runs.run_number", ondelete="CASCADE"), primary_key=True),
    Column("run_id", TEXT, nullable=False, unique=True),
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), nullable=False),
    Column("experiment_id", BigInteger, nullable=False),
    Column("compute", TEXT, nullable=False),
    Column("snapshot", TEXT, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("spec", TEXT, nullable=False),  # JSON
    Column("status", TEXT, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("submitted_ms", BigInteger, nullable=False),
    Column("principal_id", TEXT, nullable=False),
    Column("submitted_by", TEXT, nullable=False),
    Column("started_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("seen_ms", BigInteger, nullable=False),
    Column("canceled_ms", BigInteger),
    Column("exit_code", Integer),
    Column("reason", TEXT, nullable=False),
    Column("host", TEXT, nullable=False),
    Column("launched", TEXT, nullable=False),
    Column("agent_id", TEXT, nullable=False),
    Column("key_sha256", TEXT, nullable=False),
    Index(None, "workspace", "submitted_ms"),
    Index(None, "workspace", "snapshot"),
)

# Those that are not over are few among all, and are looked at again and again.
Index(
    "ix_jobs_active",
    jobs.c.workspace,
    jobs.c.compute,
    sqlite_where=text(IS_ACTIVE),
    postgresql_where=text(IS_ACTIVE),
)
