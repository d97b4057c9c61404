"""The tables of traces: what is known of each as a whole, its spans, and what is thought of it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Table,
    UniqueConstraint,
)

from runyard.stores.column_types import AUTO_ID, TEXT
from runyard.stores.metadata.schema import key_value_table, tables


def _of_trace() -> ForeignKey:
    return ForeignKey("traces.trace_number", ondelete="CASCADE")


traces = Table(
    "traces",
    tables,
    Column("trace_number", AUTO_ID, primary_key=True, autoincrement=True),
    # Clients draw the ids, so the same one may come to two workspaces, who must not learn of each other.
    Column("workspace", TEXT, ForeignKey("workspaces.name"), nullable=False),
    Column("trace_id", TEXT, nullable=False),
    Column("experiment_id", BigInteger, ForeignKey("experiments.experiment_id"), nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("execution_ms", BigInteger),
    Column("state", TEXT, nullable=False),
    Column("client_request_id", TEXT),
    Column("request_preview", TEXT),
    Column("response_preview", TEXT),
    UniqueConstraint("workspace", "trace_id"),
    sqlite_autoincrement=True,
)
# In the order in which traces are shown.
Index("ix_traces_latest", traces.c.experiment_id, traces.c.started_ms.desc(), traces.c.trace_id)

trace_tags = key_value_table("trace_tags", "traces.trace_number", BigInteger())
trace_metadata = key_value_table("trace_metadata", "traces.trace_number", BigInteger())

# Numbers that metadata tells of, to be added up: tokens and cost.
trace_measures = Table(
    "trace_measures",
    tables,
    Column("trace_number", BigInteger, _of_trace(), primary_key=True),
    Column("key", TEXT, primary_key=True),
    Column("value", Double, nullable=False),
    sqlite_with_rowid=False,
)

spans = Table(
    "spans",
    tables,
    Column("trace_number", BigInteger, _of_trace(), primary_key=True),
    Column("span_id", TEXT, primary_key=True),
    Column("parent_id", TEXT),
    Column("name", TEXT, nullable=False),
    Column("type", TEXT),
    Column("status", TEXT, nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger),
    Column("model_name", TEXT),
    Column("model_provider", TEXT),
    Column("input_cost", Double),
    Column("output_cost", Double),
    Column("total_cost", Double),
    # JSON as MLflow writes it to a file; the last column, as it is large and seldom looked at.
    Column("content", TEXT, nullable=False),
    # What searches ask most is in it, so that they never come near the content, which PostgreSQL keeps apart.
    Index(None, "trace_number", "name", "type", "status").ddl_if(dialect="sqlite"),
)

# Which traces have a span with an attribute of a value: the hash of both, so that any length fits. Whoever
# asks reads the spans of those alone, and sees there whom a hash names by chance.
span_attributes = Table(
    "span_attributes",
    tables,
    Column("hash", BigInteger, primary_key=True, autoincrement=False),
    Column("trace_number", BigInteger, _of_trace(), primary_key=True, index=True),
    sqlite_with_rowid=False,
)

trace_runs = Table(
    "trace_runs",
    tables,
    Column("trace_number", BigInteger, _of_trace(), primary_key=True),
    Column("run_id", TEXT, primary_key=True),
    Index(None, "run_id", "trace_number"),
    sqlite_with_rowid=False,
)

trace_prompts = Table(
    "trace_prompts",
    tables,
    Column("trace_number", BigInteger, _of_trace(), primary_key=True),
    # "name/version"
    Column("prompt", TEXT, primary_key=True),
    Index(None, "prompt", "trace_number"),
    sqlite_with_rowid=False,
)

assessments = Table(
    "assessments",
    tables,
    Column("assessment_number", AUTO_ID, primary_key=True, autoincrement=True),
    Column("trace_number", BigInteger, _of_trace(), nullable=False),
    Column("assessment_id", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),  # JSON
    # What a value comes to where values are averaged; and whether it is a number, or a word for one.
    Column("number", Double),
    Column("is_numeric", Boolean, nullable=False),
    Column("error", TEXT),  # JSON
    Column("source_type", TEXT, nullable=False),
    Column("source_id", TEXT, nullable=False),
    Column("span_id", TEXT),
    Column("rationale", TEXT),
    Column("metadata", TEXT),  # JSON
    Column("is_of_session", Boolean, nullable=False),
    Column("overrides", TEXT),
    Column("is_valid", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    UniqueConstraint("trace_number", "assessment_id"),
    Index(None, "name", "kind", "trace_number"),
    sqlite_autoincrement=True,
)

OF_TRACES = (
    trace_tags,
    trace_metadata,
    trace_measures,
    span_attributes,
    spans,
    trace_runs,
    trace_prompts,
    assessments,
)
"""All that hangs on a trace."""
