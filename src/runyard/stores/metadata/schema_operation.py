"""The tables for whoever operates the server: use, quotas, events and who is told of them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    false,
    text,
    true,
)

from runyard.stores.column_types import AUTO_ID, TEXT
from runyard.stores.metadata.schema import tables

workspace_use = Table(
    "workspace_use",
    tables,
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), primary_key=True),
    Column("metric_points", BigInteger, nullable=False),
    Column("artifact_files", BigInteger, nullable=False),
    Column("artifact_bytes", BigInteger, nullable=False),
    Column("deleted_files", BigInteger, nullable=False),
    Column("deleted_bytes", BigInteger, nullable=False),
    Column("logged_model_files", BigInteger, nullable=False, server_default="0"),
    Column("logged_model_bytes", BigInteger, nullable=False, server_default="0"),
    Column("registered_files", BigInteger, nullable=False, server_default="0"),
    Column("registered_bytes", BigInteger, nullable=False, server_default="0"),
    Column("trace_files", BigInteger, nullable=False, server_default="0"),
    Column("trace_file_bytes", BigInteger, nullable=False, server_default="0"),
    Column("trace_database_bytes", BigInteger, nullable=False, server_default="0"),
    # What servers have noted since it was measured.
    Column("added_points", BigInteger, nullable=False),
    Column("added_bytes", BigInteger, nullable=False),
    # NULL until it was measured once
    Column("measured_ms", BigInteger),
    # Until when one of the servers measures it
    Column("claimed_ms", BigInteger, nullable=False),
)

experiment_use = Table(
    "experiment_use",
    tables,
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), primary_key=True),
    # of one that may be gone since
    Column("experiment_id", BigInteger, primary_key=True),
    Column("artifact_files", BigInteger, nullable=False),
    Column("artifact_bytes", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

quotas = Table(
    "quotas",
    tables,
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), primary_key=True),
    # NULL where the server's own default holds, 0 where there is no limit
    Column("max_runs", BigInteger),
    Column("max_experiments", BigInteger),
    Column("max_artifact_bytes", BigInteger),
    Column("max_metric_points", BigInteger),
    Column("updated_ms", BigInteger, nullable=False),
)

events = Table(
    "events",
    tables,
    Column("event_number", AUTO_ID, primary_key=True, autoincrement=True),
    Column("kind", TEXT, nullable=False),
    # NULL for what is about the server as a whole
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE")),
    Column("happened_ms", BigInteger, nullable=False),
    Column("message", TEXT, nullable=False),
    Column("subject", TEXT, nullable=False),  # JSON: names to values
    Column("payload", TEXT),  # JSON, as MLflow's webhooks are told of it
    # What would happen again and again is told once under one name.
    Column("once", TEXT, unique=True),
    # until it is in the log and every webhook has its delivery
    Column("is_new", Boolean, nullable=False),
    Index(None, "workspace", "event_number"),
    Index(None, "happened_ms"),
    Index("ix_events_new", "event_number", sqlite_where=text("is_new = 1"), postgresql_where=text("is_new")),
    sqlite_autoincrement=True,
)

webhooks = Table(
    "webhooks",
    tables,
    Column("webhook_id", TEXT, primary_key=True),
    Column("url", TEXT, nullable=False),
    # encrypted: it signs what is sent
    Column("secret", TEXT, nullable=False),
    Column("kinds", TEXT, nullable=False),  # separated by blanks; empty for all
    # NULL for all workspaces, and the server as a whole
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE")),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("name", TEXT, nullable=False, server_default=""),
    Column("description", TEXT, nullable=False, server_default=""),
    Column("is_active", Boolean, nullable=False, server_default=true()),
    Column("is_mlflow", Boolean, nullable=False, server_default=false()),
    Column("updated_ms", BigInteger, nullable=False, server_default="0"),
    # What a metric has to cross; all but the experiment are NULL where it is told of events.
    Column("metric", TEXT),
    Column("comparison", TEXT),
    Column("threshold", Double),
    # of one that may be gone since
    Column("experiment_id", BigInteger),
)

# Of each run that is under way: its revision when it was last looked at, and when that was first seen.
run_watches = Table(
    "run_watches",
    tables,
    Column(
        "run_number",
        BigInteger,
        ForeignKey("runs.run_number", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("revision", BigInteger, nullable=False),
    Column("heard_ms", BigInteger, nullable=False),
    # whether it was told that nothing came since
    Column("is_told", Boolean, nullable=False, server_default=false()),
    sqlite_with_rowid=False,
)

# Which runs have crossed a webhook's threshold: each is told once.
webhook_crossings = Table(
    "webhook_crossings",
    tables,
    Column("webhook_id", TEXT, ForeignKey("webhooks.webhook_id", ondelete="CASCADE"), primary_key=True),
    Column("run_number", BigInteger, ForeignKey("runs.run_number", ondelete="CASCADE"), primary_key=True),
    Column("crossed_ms", BigInteger, nullable=False),
    Index(None, "run_number"),
    sqlite_with_rowid=False,
)

webhook_deliveries = Table(
    "webhook_deliveries",
    tables,
    Column("delivery_number", AUTO_ID, primary_key=True, autoincrement=True),
    Column("webhook_id", TEXT, ForeignKey("webhooks.webhook_id", ondelete="CASCADE"), nullable=False),
    Column("event_number", BigInteger, ForeignKey("events.event_number", ondelete="CASCADE"), nullable=False),
    Column("state", TEXT, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    # When to try, or until when one of the servers is at it
    Column("due_ms", BigInteger, nullable=False),
    Column("tried_ms", BigInteger),
    # 0 if no answer came
    Column("last_status", Integer),
    Column("last_error", TEXT, nullable=False),
    UniqueConstraint("webhook_id", "event_number"),
    Index(None, "event_number"),
    Index(None, "state", "due_ms"),
    sqlite_autoincrement=True,
)
