"""Traces: each as a whole, its spans, and what is thought of it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_AUTO_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables; nothing that there was changes."""
    _make_traces()
    for table in ("trace_tags", "trace_metadata"):
        _make_pairs(table)
    _make_spans()
    _make_assessments()
    _make_of_trace("trace_measures", _text("key"), sa.Column("value", sa.Double(), nullable=False))
    _make_of_trace("trace_runs", _text("run_id"))
    _make_of_trace("trace_prompts", _text("prompt"))
    for table, column in (("trace_runs", "run_id"), ("trace_prompts", "prompt")):
        op.create_index(op.f(f"ix_{table}_{column}_trace_number"), table, [column, "trace_number"])


def _number(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _TEXT, nullable=nullable)


def _flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _auto(name: str) -> sa.Column[Any]:
    return sa.Column(name, _AUTO_ID, autoincrement=True, nullable=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _of_trace(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_trace_number")
    return sa.ForeignKeyConstraint(["trace_number"], ["traces.trace_number"], name=name, ondelete="CASCADE")


def _make_of_trace(table: str, key: sa.Column[Any], *more: sa.Column[Any]) -> None:
    keys = _key(table, "trace_number", key.name)
    op.create_table(
        table, _number("trace_number"), key, *more, _of_trace(table), keys, sqlite_with_rowid=False
    )


def _make_pairs(table: str) -> None:
    _make_of_trace(table, _text("key"), _text("value"))
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(op.f(f"ix_{table}_key_value_trace_number"), table, ["key", "value", "trace_number"])
    else:
        index = f"CREATE INDEX ix_{table}_key_start_trace_number ON {table}"
        op.execute(f"{index} (key, left(value, 200), trace_number)")


def _make_traces() -> None:
    op.create_table(
        "traces",
        _auto("trace_number"),
        _text("workspace"),
        _text("trace_id"),
        _number("experiment_id"),
        _number("started_ms"),
        _number("execution_ms", nullable=True),
        _text("state"),
        *(_text(name, nullable=True) for name in ("client_request_id", "request_preview")),
        _text("response_preview", nullable=True),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.name"], name=op.f("fk_traces_workspace")),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.experiment_id"], name=op.f("fk_traces_experiment_id")
        ),
        _key("traces", "trace_number"),
        sa.UniqueConstraint("workspace", "trace_id", name=op.f("uq_traces_workspace_trace_id")),
        sqlite_autoincrement=True,
    )
    latest = sa.text("started_ms DESC")
    op.create_index("ix_traces_latest", "traces", ["experiment_id", latest, "trace_id"])


def _make_spans() -> None:
    op.create_table(
        "spans",
        _number("trace_number"),
        _text("span_id"),
        _text("parent_id", nullable=True),
        _text("name"),
        _text("type", nullable=True),
        _text("status"),
        _number("started_ns"),
        _number("ended_ns", nullable=True),
        *(_text(name, nullable=True) for name in ("model_name", "model_provider")),
        *(sa.Column(name, sa.Double()) for name in ("input_cost", "output_cost", "total_cost")),
        _text("content"),
        _of_trace("spans"),
        _key("spans", "trace_number", "span_id"),
    )
    if op.get_bind().dialect.name == "sqlite":
        seen = ["trace_number", "name", "type", "status"]
        op.create_index(op.f("ix_spans_trace_number_name_type_status"), "spans", seen)


def _make_assessments() -> None:
    op.create_table(
        "assessments",
        _auto("assessment_number"),
        _number("trace_number"),
        *(_text(name) for name in ("assessment_id", "kind", "name", "value")),
        sa.Column("number", sa.Double()),
        _flag("is_numeric"),
        _text("error", nullable=True),
        *(_text(name) for name in ("source_type", "source_id")),
        *(_text(name, nullable=True) for name in ("span_id", "rationale", "metadata")),
        _flag("is_of_session"),
        _text("overrides", nullable=True),
        _flag("is_valid"),
        *(_number(name) for name in ("created_ms", "updated_ms")),
        _of_trace("assessments"),
        _key("assessments", "assessment_number"),
        sa.UniqueConstraint(
            "trace_number", "assessment_id", name=op.f("uq_assessments_trace_number_assessment_id")
        ),
        sqlite_autoincrement=True,
    )
    index = op.f("ix_assessments_name_kind_trace_number")
    op.create_index(index, "assessments", ["name", "kind", "trace_number"])
