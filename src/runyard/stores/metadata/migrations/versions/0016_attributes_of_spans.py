"""Hashes of the attributes of spans, and those of the spans that there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runyard.stores.metadata.span_attributes import attribute_hashes

revision = "0016"
down_revision = "0015"

_AT_ONCE = 500


def upgrade() -> None:
    """Add the table and fill it; the spans stay as they are."""
    op.create_table(
        "span_attributes",
        sa.Column("hash", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("trace_number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trace_number"],
            ["traces.trace_number"],
            name=op.f("fk_span_attributes_trace_number"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("hash", "trace_number", name=op.f("pk_span_attributes")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_span_attributes_trace_number"), "span_attributes", ["trace_number"])
    _fill()


def _fill() -> None:
    """Name what spans have, some traces at a time: a span may be as long as a request."""
    connection = op.get_bind()
    filled = sa.table("span_attributes", sa.column("hash"), sa.column("trace_number"))
    spans = sa.table("spans", sa.column("trace_number"), sa.column("content"))
    traces = sa.table("traces", sa.column("trace_number"))
    number = -1
    while True:
        query = sa.select(traces.c.trace_number).where(traces.c.trace_number > number)
        numbers = list(connection.scalars(query.order_by(traces.c.trace_number).limit(_AT_ONCE)))
        if not numbers:
            return
        number = numbers[-1]
        found = set()
        of_them = sa.select(spans).where(spans.c.trace_number.in_(numbers))
        for row in connection.execute(of_them):
            found |= {(each, row.trace_number) for each in attribute_hashes(row.content)}
        rows = [{"hash": each, "trace_number": trace} for each, trace in sorted(found)]
        if rows:
            connection.execute(sa.insert(filled), rows)
