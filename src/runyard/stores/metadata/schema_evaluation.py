"""The tables of evaluation: datasets with their records, scorers, issues and label schemas."""

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
)

from runyard.stores.column_types import TEXT
from runyard.stores.metadata.schema import key_value_table, tables


def _of_dataset() -> ForeignKey:
    return ForeignKey("evaluation_datasets.dataset_id", ondelete="CASCADE")


def _of_experiment() -> ForeignKey:
    return ForeignKey("experiments.experiment_id", ondelete="CASCADE")


evaluation_datasets = Table(
    "evaluation_datasets",
    tables,
    Column("dataset_id", TEXT, primary_key=True),
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("created_by", TEXT),
    Column("updated_by", TEXT),
    Column("record_count", BigInteger, nullable=False),
    # JSON: which fields the records have had, and of what type; NULL until there was one
    Column("schema", TEXT),
    Index(None, "workspace", "name"),
    Index(None, "workspace", "updated_ms"),
)
# In the order in which datasets are shown.
Index(
    "ix_evaluation_datasets_latest",
    evaluation_datasets.c.workspace,
    evaluation_datasets.c.created_ms.desc(),
    evaluation_datasets.c.dataset_id.desc(),
)

evaluation_dataset_tags = key_value_table("evaluation_dataset_tags", "evaluation_datasets.dataset_id")

evaluation_dataset_experiments = Table(
    "evaluation_dataset_experiments",
    tables,
    Column("experiment_id", BigInteger, _of_experiment(), primary_key=True),
    Column("dataset_id", TEXT, _of_dataset(), primary_key=True),
    Column("linked_ms", BigInteger, nullable=False),
    Index(None, "dataset_id", "experiment_id"),
    sqlite_with_rowid=False,
)

evaluation_dataset_records = Table(
    "evaluation_dataset_records",
    tables,
    Column("record_id", TEXT, primary_key=True),
    Column("dataset_id", TEXT, _of_dataset(), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("created_by", TEXT),
    Column("updated_by", TEXT),
    # A dataset has each inputs once.
    Column("inputs_sha256", TEXT, nullable=False),
    # JSON, all of them
    Column("inputs", TEXT, nullable=False),
    Column("outputs", TEXT),
    Column("expectations", TEXT),
    Column("tags", TEXT, nullable=False),
    Column("source", TEXT),
    UniqueConstraint("dataset_id", "inputs_sha256"),
    # In the order in which records are read.
    Index(None, "dataset_id", "created_ms", "record_id"),
)

scorers = Table(
    "scorers",
    tables,
    Column("scorer_id", TEXT, primary_key=True),
    Column("experiment_id", BigInteger, _of_experiment(), nullable=False),
    Column("name", TEXT, nullable=False),
    UniqueConstraint("experiment_id", "name"),
)

scorer_versions = Table(
    "scorer_versions",
    tables,
    Column("scorer_id", TEXT, ForeignKey("scorers.scorer_id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("experiment_id", BigInteger, _of_experiment(), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("serialized", TEXT, nullable=False),
    Index(None, "experiment_id"),
)

online_scoring = Table(
    "online_scoring",
    tables,
    Column("scorer_id", TEXT, ForeignKey("scorers.scorer_id", ondelete="CASCADE"), primary_key=True),
    Column("config_id", TEXT, nullable=False),
    Column("experiment_id", BigInteger, _of_experiment(), nullable=False),
    Column("sample_rate", Double, nullable=False),
    Column("filter", TEXT),
    Index(None, "experiment_id"),
)

issues = Table(
    "issues",
    tables,
    Column("issue_id", TEXT, primary_key=True),
    Column("experiment_id", BigInteger, _of_experiment(), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("severity", TEXT),
    # Of the severity, to sort by; -1 without one
    Column("rank", Integer, nullable=False),
    Column("root_causes", TEXT, nullable=False),  # JSON
    Column("categories", TEXT, nullable=False),  # JSON
    Column("source_run_id", TEXT),
    Column("created_by", TEXT),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)
# In the order in which issues are shown.
Index(
    "ix_issues_gravest",
    issues.c.experiment_id,
    issues.c.rank.desc(),
    issues.c.created_ms.desc(),
    issues.c.issue_id.desc(),
)

label_schemas = Table(
    "label_schemas",
    tables,
    Column("schema_id", TEXT, primary_key=True),
    Column("experiment_id", BigInteger, _of_experiment(), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("type", TEXT, nullable=False),
    Column("instruction", TEXT),
    Column("enable_comment", Boolean, nullable=False),
    Column("input", TEXT, nullable=False),  # JSON
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    UniqueConstraint("experiment_id", "name"),
)
Index(
    "ix_label_schemas_latest",
    label_schemas.c.experiment_id,
    label_schemas.c.created_ms.desc(),
    label_schemas.c.schema_id,
)
