"""The tables of the metadata and metric stores, for SQLite and PostgreSQL alike.

Times are integers of milliseconds since the epoch. NaN can't be a SQL value, so a number
that may be NaN is kept as ``0`` beside ``is_nan``; infinities are kept as they are.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.types import TypeEngine

from runyard.stores.column_types import AUTO_ID, TEXT

tables = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

DATASET_CONTEXT_TAG = "mlflow.data.context"
"""The tag of a run's use of a dataset that says what for, by MLflow's name."""

INDEXED_LENGTH = 200
"""How many characters of a text PostgreSQL's indexes hold, which take no more than 2.7 kB."""

REMOVED = "removed"
"""The lifecycle stage of what a collection is taking away: nobody finds it or brings it back any more."""


def key_value_table(name: str, owner: str, owner_type: TypeEngine[Any] = TEXT) -> Table:
    """A table of free key and value pairs of one owner, clustered by owner."""
    column, target = owner.rsplit(".", 1)[-1], owner
    table = Table(
        name,
        tables,
        Column(column, owner_type, ForeignKey(target, ondelete="CASCADE"), primary_key=True),
        Column("key", TEXT, primary_key=True),
        Column("value", TEXT, nullable=False),
        Index(None, "key", "value", column).ddl_if(dialect="sqlite"),
        sqlite_with_rowid=False,
    )
    # PostgreSQL takes no long values into an index; their beginnings tell most of them apart.
    index = f"CREATE INDEX ix_{name}_key_start_{column} ON {name}"
    untyped: Any = DDL
    starts = untyped(f"{index} (key, left(value, {INDEXED_LENGTH}), {column})")
    event.listen(table, "after_create", starts.execute_if(dialect="postgresql"))
    return table


def _of_run() -> ForeignKey:
    return ForeignKey("runs.run_number", ondelete="CASCADE")


workspaces = Table(
    "workspaces",
    tables,
    Column("name", TEXT, primary_key=True),
    Column("default_experiment_id", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("description", TEXT),
    # Set when its removal begins; it has no address any more, and its row goes last.
    Column("removed_ms", BigInteger),
)

workspace_tags = Table(
    "workspace_tags",
    tables,
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), primary_key=True),
    Column("key", TEXT, primary_key=True),
    Column("value", TEXT, nullable=False),
    sqlite_with_rowid=False,
)

experiments = Table(
    "experiments",
    tables,
    Column("experiment_id", AUTO_ID, primary_key=True, autoincrement=True),
    Column("workspace", TEXT, ForeignKey("workspaces.name"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("artifact_location", TEXT, nullable=False),
    Column("lifecycle_stage", TEXT, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    UniqueConstraint("workspace", "name"),
    sqlite_autoincrement=True,
)

experiment_tags = key_value_table("experiment_tags", "experiments.experiment_id", BigInteger())

runs = Table(
    "runs",
    tables,
    Column("run_number", AUTO_ID, primary_key=True, autoincrement=True),
    Column("run_id", TEXT, nullable=False, unique=True),
    Column("experiment_id", BigInteger, ForeignKey("experiments.experiment_id"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("user_id", TEXT, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("lifecycle_stage", TEXT, nullable=False),
    Column("artifact_uri", TEXT, nullable=False),
    Column("started_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("deleted_ms", BigInteger),
    # Goes up with every change of what a search shows of the run; a kept document of another one is stale.
    Column("revision", BigInteger, nullable=False, default=0, server_default=text("0")),
    sqlite_autoincrement=True,
)
# In the order in which runs are shown.
Index(
    "ix_runs_latest",
    runs.c.experiment_id,
    runs.c.lifecycle_stage,
    runs.c.started_ms.desc(),
    runs.c.run_id,
)

# Those that are under way are few among all, and are looked at again and again.
Index(
    "ix_runs_running",
    runs.c.experiment_id,
    runs.c.run_number,
    sqlite_where=text("status = 'RUNNING'"),
    postgresql_where=text("status = 'RUNNING'"),
)

run_documents = Table(
    "run_documents",
    tables,
    # With rowids, unlike its neighbours: without, SQLite puts what is over 1,000 bytes on pages apart.
    Column("run_number", AUTO_ID, _of_run(), primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
    Column("document", LargeBinary, nullable=False),
)

params = key_value_table("params", "runs.run_number", BigInteger())
tags = key_value_table("tags", "runs.run_number", BigInteger())

metric_keys = Table(
    "metric_keys",
    tables,
    Column("key_id", AUTO_ID, primary_key=True, autoincrement=True),
    Column("key", TEXT, nullable=False, unique=True),
)

metric_batches = Table(
    "metric_batches",
    tables,
    Column("batch_number", AUTO_ID, primary_key=True, autoincrement=True),
    Column("run_number", BigInteger, _of_run(), nullable=False),
    Column("point_count", Integer, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    Index(None, "run_number"),
    # Numbers are never given twice: who read a batch and then deletes it must not meet another one.
    sqlite_autoincrement=True,
)

unsummarised_batches = Table(
    "unsummarised_batches",
    tables,
    Column("batch_number", AUTO_ID, primary_key=True, autoincrement=False),
)

accepted_batches = Table(
    "accepted_batches",
    tables,
    Column("batch_id", TEXT, primary_key=True),
    Column("accepted_ms", BigInteger, nullable=False),
    Index(None, "accepted_ms"),
    sqlite_with_rowid=False,
)

metric_series = Table(
    "metric_series",
    tables,
    Column("run_number", BigInteger, _of_run(), primary_key=True),
    Column("key_id", BigInteger, primary_key=True),
    Column("experiment_id", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("last_timestamp_ms", BigInteger, nullable=False),
    Column("last_value", Double, nullable=False),
    Column("last_is_nan", Boolean, nullable=False),
    Column("minimum", Double),
    Column("maximum", Double),
    # A series that is still written to is kept out of the index of values, which is dear to change.
    Column("is_live", Boolean, nullable=False),
    Index(
        "ix_metric_series_settled",
        "experiment_id",
        "key_id",
        "last_is_nan",
        "last_value",
        "run_number",
        "is_live",  # always false, but without it SQLite looks it up in the table
        sqlite_where=text("is_live = 0"),
        postgresql_where=text("NOT is_live"),
    ),
    Index(
        "ix_metric_series_live",
        "experiment_id",
        "key_id",
        "run_number",
        sqlite_where=text("is_live = 1"),
        postgresql_where=text("is_live"),
    ),
    sqlite_with_rowid=False,
)

metric_chunks = Table(
    "metric_chunks",
    tables,
    Column("chunk_id", AUTO_ID, primary_key=True, autoincrement=True),
    Column("run_number", BigInteger, _of_run(), nullable=False),
    # 0 where short series of the run are packed together
    Column("key_id", BigInteger, nullable=False),
    Column("point_count", Integer, nullable=False),
    Column("first_timestamp_ms", BigInteger, nullable=False),
    Column("last_timestamp_ms", BigInteger, nullable=False),
    Column("first_step", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    # Before the large columns: the widest charts read this one of very many chunks.
    Column("coarse_bucket", LargeBinary, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    Column("buckets", LargeBinary, nullable=False),
    # With the count, so that the small ones to be merged are found without reading any.
    Index(None, "run_number", "key_id", "point_count"),
    sqlite_autoincrement=True,
)

datasets = Table(
    "datasets",
    tables,
    Column("dataset_id", TEXT, primary_key=True),
    Column("experiment_id", BigInteger, ForeignKey("experiments.experiment_id"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False),
    Column("source_type", TEXT, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("schema", TEXT),
    Column("profile", TEXT),
    UniqueConstraint("experiment_id", "name", "digest"),
)

dataset_inputs = Table(
    "dataset_inputs",
    tables,
    Column("run_number", BigInteger, _of_run(), primary_key=True),
    Column("dataset_id", TEXT, ForeignKey("datasets.dataset_id"), primary_key=True),
    Column("position", Integer, nullable=False),
)

dataset_input_tags = Table(
    "dataset_input_tags",
    tables,
    Column("run_number", BigInteger, _of_run(), primary_key=True),
    Column("dataset_id", TEXT, ForeignKey("datasets.dataset_id"), primary_key=True),
    Column("key", TEXT, primary_key=True),
    Column("value", TEXT, nullable=False),
)

logged_models = Table(
    "logged_models",
    tables,
    Column("model_id", TEXT, primary_key=True),
    Column("experiment_id", BigInteger, ForeignKey("experiments.experiment_id"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("artifact_uri", TEXT, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("status_message", TEXT, nullable=False, default=""),
    Column("model_type", TEXT, nullable=False, default=""),
    Column("source_run_id", TEXT, nullable=False, default=""),
    Column("lifecycle_stage", TEXT, nullable=False),
    Column("deleted_ms", BigInteger),
    Index(None, "experiment_id", "lifecycle_stage", "created_ms"),
)

logged_model_params = key_value_table("logged_model_params", "logged_models.model_id")
logged_model_tags = key_value_table("logged_model_tags", "logged_models.model_id")

logged_model_metrics = Table(
    "logged_model_metrics",
    tables,
    Column("model_id", TEXT, ForeignKey("logged_models.model_id", ondelete="CASCADE"), primary_key=True),
    Column("key", TEXT, primary_key=True),
    Column("run_id", TEXT, primary_key=True),
    Column("timestamp_ms", BigInteger, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("value", Double, primary_key=True),
    Column("is_nan", Boolean, primary_key=True),
    Column("dataset_name", TEXT, primary_key=True, default=""),
    Column("dataset_digest", TEXT, primary_key=True, default=""),
    Index(None, "key", "value"),
    sqlite_with_rowid=False,
)

model_inputs = Table(
    "model_inputs",
    tables,
    Column("run_number", BigInteger, _of_run(), primary_key=True),
    Column("model_id", TEXT, primary_key=True),
    Column("position", Integer, nullable=False),
)

model_outputs = Table(
    "model_outputs",
    tables,
    Column("run_number", BigInteger, _of_run(), primary_key=True),
    Column("model_id", TEXT, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("position", Integer, nullable=False),
)

removed_artifacts = Table(
    "removed_artifacts",
    tables,
    # below the root of all artifacts, so with the workspace first
    Column("path", TEXT, primary_key=True),
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), nullable=False),
    Column("removed_ms", BigInteger, nullable=False),
    Column("emptied_ms", BigInteger),
    Index(None, "workspace", "emptied_ms"),
    Index(None, "removed_ms"),
    sqlite_with_rowid=False,
)

retention_rules = Table(
    "retention_rules",
    tables,
    Column("rule_number", AUTO_ID, primary_key=True, autoincrement=True),
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), nullable=False),
    # NULL for the workspace's own rule
    Column("experiment_id", BigInteger, ForeignKey("experiments.experiment_id"), unique=True),
    Column("older_than_ms", BigInteger, nullable=False),
    Column("keep_last", BigInteger, nullable=False),
    Column("is_untagged", Boolean, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Index(None, "workspace"),
)
