"""Runs get numbers, metrics move from a row a point into batches and chunks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from runyard.entities.metric import MetricBatch
from runyard.stores.metrics.packing import pack_batch

revision = "0002"
down_revision = "0001"

POINTS_A_BATCH = 4096
"""Some times what a large request has, so that what reads batches later needs little memory."""

_TAKEN_FROM = {
    "runs": "run_id, experiment_id, name, user_id, status, lifecycle_stage, artifact_uri,"
    " started_ms, ended_ms, deleted_ms",
    "params": "key, value",
    "tags": "key, value",
    "dataset_inputs": "dataset_id, position",
    "dataset_input_tags": "dataset_id, key, value",
    "model_inputs": "model_id, position",
    "model_outputs": "model_id, step, position",
}
# What refers to a table goes before it.
_DROPPED = (
    "metric_points",
    "metric_series",
    "params",
    "tags",
    "dataset_input_tags",
    "dataset_inputs",
    "model_inputs",
    "model_outputs",
    "runs",
)
_AUTO_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Hold what the tables have, make them anew, and give it back; all in the caller's transaction."""
    for name in _TAKEN_FROM:
        op.execute(f"CREATE TABLE held_{name} AS SELECT * FROM {name}")
    op.execute(
        "CREATE TABLE held_points AS SELECT run_id, key, timestamp_ms, step, value, is_nan"
        " FROM metric_points JOIN metric_series ON metric_series.series_id = metric_points.series_id"
    )
    for name in _DROPPED:
        op.drop_table(name)
    _make_runs()
    _make_what_hangs_on_runs()
    _make_metrics()
    _make_removals()
    _make_retention_rules()
    taken = _TAKEN_FROM["runs"]
    op.execute(f"INSERT INTO runs ({taken}) SELECT {taken} FROM held_runs ORDER BY started_ms, run_id")
    for name, taken in _TAKEN_FROM.items():
        if name != "runs":
            op.execute(
                f"INSERT INTO {name} (run_number, {taken}) SELECT run_number, {taken} FROM held_{name}"
                f" JOIN runs ON runs.run_id = held_{name}.run_id"
            )
    _keep_points()
    for name in (*_TAKEN_FROM, "points"):
        op.drop_table(f"held_{name}")


def _keep_points() -> None:
    """Write the points as batches that nobody has summarised yet: the server's first start does the rest."""
    connection = op.get_bind()
    batches = sa.table("metric_batches", *map(sa.column, ("run_number", "point_count", "packed")))
    for run_number, rows in itertools.groupby(_read_points(connection), key=lambda row: row[0]):
        while some := list(itertools.islice(rows, POINTS_A_BATCH)):
            batch = MetricBatch(
                keys=[row.key for row in some],
                values=[math.nan if row.is_nan else row.value for row in some],
                timestamps_ms=[row.timestamp_ms for row in some],
                steps=[row.step for row in some],
            )
            row = {"run_number": run_number, "point_count": len(some), "packed": pack_batch(batch)}
            connection.execute(sa.insert(batches), row)
    op.execute("INSERT INTO unsummarised_batches (batch_number) SELECT batch_number FROM metric_batches")


def _read_points(connection: sa.Connection) -> Iterator[Any]:
    query = sa.text(
        "SELECT run_number, key, timestamp_ms, step, value, is_nan FROM held_points"
        " JOIN runs ON runs.run_id = held_points.run_id ORDER BY run_number, key, timestamp_ms, step"
    )
    # Of the query alone: an option of the connection would hold for the statements that come after it.
    yield from connection.execute(query, execution_options={"yield_per": POINTS_A_BATCH})


def _of_run(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_run_number")
    return sa.ForeignKeyConstraint(["run_number"], ["runs.run_number"], name=name, ondelete="CASCADE")


def _make_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_number", _AUTO_ID, autoincrement=True, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("lifecycle_stage", sa.Text(), nullable=False),
        sa.Column("artifact_uri", sa.Text(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("deleted_ms", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.experiment_id"], name=op.f("fk_runs_experiment_id")
        ),
        sa.PrimaryKeyConstraint("run_number", name=op.f("pk_runs")),
        sa.UniqueConstraint("run_id", name=op.f("uq_runs_run_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_runs_latest",
        "runs",
        ["experiment_id", "lifecycle_stage", sa.text("started_ms DESC"), "run_id"],
    )
    op.create_table(
        "run_documents",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        _of_run("run_documents"),
        sa.PrimaryKeyConstraint("run_number", name=op.f("pk_run_documents")),
        sqlite_with_rowid=False,
    )


def _make_what_hangs_on_runs() -> None:
    for name in ("params", "tags"):
        op.create_table(
            name,
            sa.Column("run_number", sa.BigInteger(), nullable=False),
            sa.Column("key", sa.Text(), nullable=False),
            sa.Column("value", sa.Text(), nullable=False),
            _of_run(name),
            sa.PrimaryKeyConstraint("run_number", "key", name=op.f(f"pk_{name}")),
            sqlite_with_rowid=False,
        )
        op.create_index(op.f(f"ix_{name}_key_value_run_number"), name, ["key", "value", "run_number"])
    op.create_table(
        "dataset_inputs",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.dataset_id"], name=op.f("fk_dataset_inputs_dataset_id")
        ),
        _of_run("dataset_inputs"),
        sa.PrimaryKeyConstraint("run_number", "dataset_id", name=op.f("pk_dataset_inputs")),
    )
    op.create_table(
        "dataset_input_tags",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.dataset_id"], name=op.f("fk_dataset_input_tags_dataset_id")
        ),
        _of_run("dataset_input_tags"),
        sa.PrimaryKeyConstraint("run_number", "dataset_id", "key", name=op.f("pk_dataset_input_tags")),
    )
    op.create_table(
        "model_inputs",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        _of_run("model_inputs"),
        sa.PrimaryKeyConstraint("run_number", "model_id", name=op.f("pk_model_inputs")),
    )
    op.create_table(
        "model_outputs",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        _of_run("model_outputs"),
        sa.PrimaryKeyConstraint("run_number", "model_id", "step", name=op.f("pk_model_outputs")),
    )


def _make_metrics() -> None:
    op.create_table(
        "metric_keys",
        sa.Column("key_id", _AUTO_ID, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_metric_keys")),
        sa.UniqueConstraint("key", name=op.f("uq_metric_keys_key")),
    )
    op.create_table(
        "metric_batches",
        sa.Column("batch_number", _AUTO_ID, autoincrement=True, nullable=False),
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("point_count", sa.Integer(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        _of_run("metric_batches"),
        sa.PrimaryKeyConstraint("batch_number", name=op.f("pk_metric_batches")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_metric_batches_run_number"), "metric_batches", ["run_number"])
    op.create_table(
        "unsummarised_batches",
        sa.Column("batch_number", _AUTO_ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("batch_number", name=op.f("pk_unsummarised_batches")),
    )
    op.create_table(
        "accepted_batches",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("accepted_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_accepted_batches")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_accepted_batches_accepted_ms"), "accepted_batches", ["accepted_ms"])
    _make_series()
    op.create_table(
        "metric_chunks",
        sa.Column("chunk_id", _AUTO_ID, autoincrement=True, nullable=False),
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.BigInteger(), nullable=False),
        sa.Column("point_count", sa.Integer(), nullable=False),
        sa.Column("first_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("first_step", sa.BigInteger(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("coarse_bucket", sa.LargeBinary(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.Column("buckets", sa.LargeBinary(), nullable=False),
        _of_run("metric_chunks"),
        sa.PrimaryKeyConstraint("chunk_id", name=op.f("pk_metric_chunks")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_metric_chunks_run_number_key_id_point_count"),
        "metric_chunks",
        ["run_number", "key_id", "point_count"],
    )


def _make_retention_rules() -> None:
    op.create_table(
        "retention_rules",
        sa.Column("rule_number", _AUTO_ID, autoincrement=True, nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=True),
        sa.Column("older_than_ms", sa.BigInteger(), nullable=False),
        sa.Column("keep_last", sa.BigInteger(), nullable=False),
        sa.Column("is_untagged", sa.Boolean(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace"],
            ["workspaces.name"],
            name=op.f("fk_retention_rules_workspace"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.experiment_id"],
            name=op.f("fk_retention_rules_experiment_id"),
        ),
        sa.PrimaryKeyConstraint("rule_number", name=op.f("pk_retention_rules")),
        sa.UniqueConstraint("experiment_id", name=op.f("uq_retention_rules_experiment_id")),
    )
    op.create_index(op.f("ix_retention_rules_workspace"), "retention_rules", ["workspace"])


def _make_removals() -> None:
    op.add_column("workspaces", sa.Column("removed_ms", sa.BigInteger(), nullable=True))
    op.create_table(
        "removed_artifacts",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("removed_ms", sa.BigInteger(), nullable=False),
        sa.Column("emptied_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace"],
            ["workspaces.name"],
            name=op.f("fk_removed_artifacts_workspace"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_removed_artifacts")),
        sqlite_with_rowid=False,
    )
    for columns in (["workspace", "emptied_ms"], ["removed_ms"]):
        name = op.f(f"ix_removed_artifacts_{'_'.join(columns)}")
        op.create_index(name, "removed_artifacts", columns)


def _make_series() -> None:
    op.create_table(
        "metric_series",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.BigInteger(), nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("last_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_value", sa.Double(), nullable=False),
        sa.Column("last_is_nan", sa.Boolean(), nullable=False),
        sa.Column("minimum", sa.Double(), nullable=True),
        sa.Column("maximum", sa.Double(), nullable=True),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        _of_run("metric_series"),
        sa.PrimaryKeyConstraint("run_number", "key_id", name=op.f("pk_metric_series")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_metric_series_settled",
        "metric_series",
        ["experiment_id", "key_id", "last_is_nan", "last_value", "run_number", "is_live"],
        sqlite_where=sa.text("is_live = 0"),
        postgresql_where=sa.text("NOT is_live"),
    )
    op.create_index(
        "ix_metric_series_live",
        "metric_series",
        ["experiment_id", "key_id", "run_number"],
        sqlite_where=sa.text("is_live = 1"),
        postgresql_where=sa.text("is_live"),
    )
