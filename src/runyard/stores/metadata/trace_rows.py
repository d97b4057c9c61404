"""Rows of traces and of what hangs on them, read and written."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, delete, select

from runyard.entities.assessment import Assessment, AssessmentError, AssessmentKind
from runyard.entities.measures import TOLD_BY, measures_in
from runyard.entities.trace import Trace, TraceState
from runyard.errors import NotFound
from runyard.stores.database import Database, chunks, insert_missing, upsert
from runyard.stores.metadata.schema import REMOVED, experiments
from runyard.stores.metadata.schema_traces import (
    assessments,
    trace_measures,
    trace_metadata,
    trace_tags,
    traces,
)


def traces_of(workspace: str, *columns: Any) -> Select[Any]:
    """Return the query of a workspace's traces, but for those that go with their experiment."""
    return (
        select(*(columns or (traces,)))
        .join(experiments, experiments.c.experiment_id == traces.c.experiment_id)
        .where(
            traces.c.workspace == workspace,
            experiments.c.workspace == workspace,
            experiments.c.lifecycle_stage != REMOVED,
        )
    )


def trace_number(database: Database, workspace: str, trace_id: str) -> int:
    """Return the store's own number of a trace, which is held until the end if something is written.

    Raises:
        NotFound: The workspace has no such trace.
    """
    query = traces_of(workspace, traces.c.trace_number).where(traces.c.trace_id == trace_id)
    with database.reading() as connection:
        number = connection.scalar(database.locked(query, traces))
    if number is None:
        raise not_found(trace_id)
    return int(number)


def trace_numbers(connection: Connection, workspace: str, trace_ids: Sequence[str]) -> dict[str, int]:
    """Return the numbers of those of the traces that are there."""
    found: dict[str, int] = {}
    for part in chunks(list(dict.fromkeys(trace_ids))):
        query = traces_of(workspace, traces.c.trace_id, traces.c.trace_number)
        rows = connection.execute(query.where(traces.c.trace_id.in_(part)))
        found.update((row.trace_id, row.trace_number) for row in rows)
    return found


def not_found(trace_id: str) -> NotFound:
    """Return the error of a trace that is not there."""
    return NotFound(f"Trace with ID '{trace_id[:300]}' not found.")


def row_of(trace: Trace) -> dict[str, Any]:
    """Return the row of a trace."""
    return {
        "workspace": trace.workspace,
        "trace_id": trace.trace_id,
        "experiment_id": int(trace.experiment_id),
        "started_ms": trace.started_ms,
        "execution_ms": trace.execution_ms,
        "state": trace.state.value,
        "client_request_id": trace.client_request_id,
        "request_preview": trace.request_preview,
        "response_preview": trace.response_preview,
    }


def write_pairs(connection: Connection, number: int, trace: Trace) -> None:
    """Add tags and metadata to a trace, over older values, and the numbers that the metadata tells of."""
    upsert_pairs(connection, trace_tags, number, trace.tags)
    upsert_pairs(connection, trace_metadata, number, trace.metadata)
    told = [name for key, names in TOLD_BY.items() if key in trace.metadata for name in names]
    if told:
        columns = trace_measures.c
        connection.execute(
            delete(trace_measures).where(columns.trace_number == number, columns.key.in_(told))
        )
        insert_missing(connection, trace_measures, _pairs(number, measures_in(trace.metadata)))


def upsert_pairs(connection: Connection, table: Table, number: int, pairs: Mapping[str, str]) -> None:
    """Set tags or metadata of a trace, over older values."""
    if pairs:
        upsert(connection, table, _pairs(number, pairs), ["value"])


def _pairs(number: int, pairs: Mapping[str, Any]) -> list[dict[str, Any]]:
    # In one order, so that two writers of one trace never wait for each other in a circle.
    return [{"trace_number": number, "key": key, "value": pairs[key]} for key in sorted(pairs)]


def with_contents(connection: Connection, rows: Sequence[Row[Any]]) -> list[Trace]:
    """Return the traces of some rows with all that hangs on them but for their spans."""
    numbers = [row.trace_number for row in rows]
    tags, metadata = (_read_pairs(connection, table, numbers) for table in (trace_tags, trace_metadata))
    given = _read_assessments(connection, {row.trace_number: row.trace_id for row in rows})
    return [
        Trace(
            trace_id=row.trace_id,
            workspace=row.workspace,
            experiment_id=str(row.experiment_id),
            started_ms=row.started_ms,
            execution_ms=row.execution_ms,
            state=TraceState(row.state),
            client_request_id=row.client_request_id,
            request_preview=row.request_preview,
            response_preview=row.response_preview,
            tags=tags[row.trace_number],
            metadata=metadata[row.trace_number],
            assessments=tuple(given[row.trace_number]),
        )
        for row in rows
    ]


def _read_pairs(connection: Connection, table: Table, numbers: Sequence[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for part in chunks(numbers):
        for row in connection.execute(select(table).where(table.c.trace_number.in_(part))):
            found[row.trace_number][row.key] = row.value
    return found


def _read_assessments(connection: Connection, trace_ids: Mapping[int, str]) -> dict[int, list[Assessment]]:
    found: dict[int, list[Assessment]] = defaultdict(list)
    for part in chunks(list(trace_ids)):
        query = select(assessments).where(assessments.c.trace_number.in_(part))
        for row in connection.execute(query.order_by(assessments.c.assessment_number)):
            found[row.trace_number].append(assessment_of(row, trace_ids[row.trace_number]))
    return found


def assessment_of(row: Row[Any], trace_id: str) -> Assessment:
    """Return the assessment in a row."""
    error = json.loads(row.error) if row.error else None
    return Assessment(
        assessment_id=row.assessment_id,
        trace_id=trace_id,
        kind=AssessmentKind(row.kind),
        name=row.name,
        value=json.loads(row.value),
        source_type=row.source_type,
        source_id=row.source_id,
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        error=AssessmentError(**error) if error else None,
        rationale=row.rationale,
        metadata=json.loads(row.metadata) if row.metadata else None,
        span_id=row.span_id,
        overrides=row.overrides,
        is_valid=bool(row.is_valid),
    )


def assessment_row(number: int, assessment: Assessment) -> dict[str, Any]:
    """Return the row of an assessment."""
    error = assessment.error
    worth, is_numeric = _worth(assessment.value)
    return {
        "trace_number": number,
        "assessment_id": assessment.assessment_id,
        "kind": assessment.kind.value,
        "name": assessment.name,
        "value": _dumped(assessment.value),
        "number": worth,
        "is_numeric": is_numeric,
        "error": error
        and _dumped({"code": error.code, "message": error.message, "stack_trace": error.stack_trace}),
        "source_type": assessment.source_type,
        "source_id": assessment.source_id,
        "span_id": assessment.span_id,
        "rationale": assessment.rationale,
        "metadata": _dumped(dict(assessment.metadata)) if assessment.metadata else None,
        "is_of_session": assessment.is_of_session,
        "overrides": assessment.overrides,
        "is_valid": assessment.is_valid,
        "created_ms": assessment.created_ms,
        "updated_ms": assessment.updated_ms,
    }


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _worth(value: Any) -> tuple[float | None, bool]:
    """Return what a value comes to in an average, and whether it is a number itself."""
    if isinstance(value, bool):
        return float(value), False
    if isinstance(value, int | float) and abs(value) < 1e300:
        return float(value), True
    word = value.strip().lower() if isinstance(value, str) else ""
    return {"yes": 1.0, "no": 0.0}.get(word), False


def each_once(trace_ids: Iterable[str]) -> list[str]:
    """Return the ids in their order, each the first time that it comes."""
    return list(dict.fromkeys(trace_ids))
