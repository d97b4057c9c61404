"""Evaluation: datasets with their records, scorers, issues and label schemas."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the tables; nothing that there was changes."""
    _make_datasets()
    _make_tags()
    _make_links()
    _make_records()
    _make_scorers()
    _make_issues()
    _make_label_schemas()


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, _TEXT, nullable=nullable) for name in names]


def _numbers(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def _of(table: str, owners: str, column: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{owners}.{column}"], name=name, ondelete="CASCADE")


def _of_experiment(table: str) -> sa.ForeignKeyConstraint:
    return _of(table, "experiments", "experiment_id")


def _of_dataset(table: str) -> sa.ForeignKeyConstraint:
    return _of(table, "evaluation_datasets", "dataset_id")


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))


def _order(table: str, name: str, *columns: str) -> None:
    """Make an index for an order: a name in capitals is one that goes down."""
    keys = [sa.text(f"{each.lower()} DESC") if each.isupper() else sa.text(each) for each in columns]
    op.create_index(f"ix_{table}_{name}", table, keys)


def _make_datasets() -> None:
    table = "evaluation_datasets"
    op.create_table(
        table,
        *_texts("dataset_id", "workspace", "name", "digest"),
        *_numbers("created_ms", "updated_ms"),
        *_texts("created_by", "updated_by", nullable=True),
        *_numbers("record_count"),
        *_texts("schema", nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.name"], name=op.f(f"fk_{table}_workspace"), ondelete="CASCADE"
        ),
        _key(table, "dataset_id"),
    )
    _index(table, "workspace", "name")
    _index(table, "workspace", "updated_ms")
    _order(table, "latest", "workspace", "CREATED_MS", "DATASET_ID")


def _make_tags() -> None:
    table = "evaluation_dataset_tags"
    op.create_table(
        table,
        *_texts("dataset_id", "key", "value"),
        _of_dataset(table),
        _key(table, "dataset_id", "key"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "sqlite":
        _index(table, "key", "value", "dataset_id")
    else:
        index = f"CREATE INDEX ix_{table}_key_start_dataset_id ON {table}"
        op.execute(f"{index} (key, left(value, 200), dataset_id)")


def _make_links() -> None:
    table = "evaluation_dataset_experiments"
    op.create_table(
        table,
        *_numbers("experiment_id"),
        *_texts("dataset_id"),
        *_numbers("linked_ms"),
        _of_experiment(table),
        _of_dataset(table),
        _key(table, "experiment_id", "dataset_id"),
        sqlite_with_rowid=False,
    )
    _index(table, "dataset_id", "experiment_id")


def _make_records() -> None:
    table = "evaluation_dataset_records"
    op.create_table(
        table,
        *_texts("record_id", "dataset_id"),
        *_numbers("created_ms", "updated_ms"),
        *_texts("created_by", "updated_by", nullable=True),
        *_texts("inputs_sha256", "inputs"),
        *_texts("outputs", "expectations", nullable=True),
        *_texts("tags"),
        *_texts("source", nullable=True),
        _of_dataset(table),
        _key(table, "record_id"),
        _unique(table, "dataset_id", "inputs_sha256"),
    )
    _index(table, "dataset_id", "created_ms", "record_id")


def _make_scorers() -> None:
    op.create_table(
        "scorers",
        *_texts("scorer_id"),
        *_numbers("experiment_id"),
        *_texts("name"),
        _of_experiment("scorers"),
        _key("scorers", "scorer_id"),
        _unique("scorers", "experiment_id", "name"),
    )
    op.create_table(
        "scorer_versions",
        *_texts("scorer_id"),
        sa.Column("version", sa.Integer(), nullable=False),
        *_numbers("experiment_id", "created_ms"),
        *_texts("serialized"),
        _of("scorer_versions", "scorers", "scorer_id"),
        _of_experiment("scorer_versions"),
        _key("scorer_versions", "scorer_id", "version"),
    )
    op.create_table(
        "online_scoring",
        *_texts("scorer_id", "config_id"),
        *_numbers("experiment_id"),
        sa.Column("sample_rate", sa.Double(), nullable=False),
        *_texts("filter", nullable=True),
        _of("online_scoring", "scorers", "scorer_id"),
        _of_experiment("online_scoring"),
        _key("online_scoring", "scorer_id"),
    )
    for table in ("scorer_versions", "online_scoring"):
        _index(table, "experiment_id")


def _make_issues() -> None:
    op.create_table(
        "issues",
        *_texts("issue_id"),
        *_numbers("experiment_id"),
        *_texts("name", "description", "status"),
        *_texts("severity", nullable=True),
        sa.Column("rank", sa.Integer(), nullable=False),
        *_texts("root_causes", "categories"),
        *_texts("source_run_id", "created_by", nullable=True),
        *_numbers("created_ms", "updated_ms"),
        _of_experiment("issues"),
        _key("issues", "issue_id"),
    )
    _order("issues", "gravest", "experiment_id", "RANK", "CREATED_MS", "ISSUE_ID")


def _make_label_schemas() -> None:
    table = "label_schemas"
    op.create_table(
        table,
        *_texts("schema_id"),
        *_numbers("experiment_id"),
        *_texts("name", "type"),
        *_texts("instruction", nullable=True),
        sa.Column("enable_comment", sa.Boolean(), nullable=False),
        *_texts("input"),
        *_numbers("created_ms", "updated_ms"),
        _of_experiment(table),
        _key(table, "schema_id"),
        _unique(table, "experiment_id", "name"),
    )
    _order(table, "latest", "experiment_id", "CREATED_MS", "schema_id")
