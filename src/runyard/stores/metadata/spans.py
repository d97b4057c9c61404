"""Spans and assessments in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, delete, select, update

from runyard.entities.assessment import Assessment
from runyard.entities.measures import COSTS, numbers, object_in
from runyard.entities.trace import COST_ATTRIBUTE, MODEL_ATTRIBUTE, PROVIDER_ATTRIBUTE
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.database import Database, chunks, insert_if_free, insert_missing, upsert
from runyard.stores.metadata.base_traces import AssessmentStore, SpanStore, WrittenSpan
from runyard.stores.metadata.schema_traces import assessments, span_attributes, spans
from runyard.stores.metadata.span_attributes import attribute_hashes
from runyard.stores.metadata.trace_rows import (
    assessment_of,
    assessment_row,
    each_once,
    not_found,
    trace_number,
    trace_numbers,
)

_KEY = ("trace_number", "span_id")
_MAX_DIMENSION_LENGTH = 500


class SqlSpans(SpanStore):
    """Keeps spans in the table ``spans``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep_spans(self, workspace: str, kept: Sequence[WrittenSpan]) -> None:
        with self._database.writing() as connection:
            found = trace_numbers(connection, workspace, [each.span.trace_id for each in kept])
            for each in kept:
                if each.span.trace_id not in found:
                    raise not_found(each.span.trace_id)
            # One that comes twice in a request counts as it came last: a statement writes no row twice.
            rows = (_row(found[each.span.trace_id], each) for each in kept)
            by_key = {(row["trace_number"], row["span_id"]): row for row in rows}
            in_order = [by_key[key] for key in sorted(by_key)]
            columns = [column.name for column in spans.c if column.name not in _KEY]
            for part in chunks(in_order, 1_000):
                upsert(connection, spans, part, columns)
            hashes = {
                (each, row["trace_number"]) for row in in_order for each in attribute_hashes(row["content"])
            }
            named = [{"hash": each, "trace_number": number} for each, number in sorted(hashes)]
            for part in chunks(named):
                insert_missing(connection, span_attributes, part)

    def read_contents(self, workspace: str, trace_ids: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        with self._database.reading() as connection:
            ids = {
                number: trace_id
                for trace_id, number in trace_numbers(connection, workspace, each_once(trace_ids)).items()
            }
            for part in chunks(list(ids)):
                query = (
                    select(spans.c.trace_number, spans.c.content)
                    .where(spans.c.trace_number.in_(part))
                    .order_by(
                        spans.c.trace_number,
                        spans.c.parent_id.is_not(None),
                        spans.c.started_ns,
                        spans.c.span_id,
                    )
                )
                for number, content in connection.execute(query):
                    found.setdefault(ids[number], []).append(content)
        return found


def _row(number: int, written: WrittenSpan) -> dict[str, Any]:
    span = written.span
    costs = numbers(object_in(span.attributes.get(COST_ATTRIBUTE)), COSTS)
    return {
        "trace_number": number,
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "name": span.name,
        "type": span.type,
        "status": span.status,
        "started_ns": span.started_ns,
        "ended_ns": span.ended_ns,
        "model_name": _dimension(span.attributes.get(MODEL_ATTRIBUTE)),
        "model_provider": _dimension(span.attributes.get(PROVIDER_ATTRIBUTE)),
        **{name: costs.get(name) for name in COSTS},
        "content": written.content,
    }


def _dimension(value: Any) -> str | None:
    return value[:_MAX_DIMENSION_LENGTH] if isinstance(value, str) else None


class SqlAssessments(AssessmentStore):
    """Keeps assessments in the table ``assessments``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_assessment(self, workspace: str, assessment: Assessment) -> None:
        with self._database.writing() as connection:
            number = trace_number(self._database, workspace, assessment.trace_id)
            if not insert_if_free(connection, assessments, assessment_row(number, assessment)):
                raise AlreadyExists(f"Assessment with ID '{assessment.assessment_id}' already exists.")

    def get_assessment(self, workspace: str, trace_id: str, assessment_id: str) -> Assessment:
        with self._database.reading() as connection:
            is_it = self._is(workspace, trace_id, assessment_id)
            row = connection.execute(select(assessments).where(is_it)).one_or_none()
        if row is None:
            raise NotFound(f"Assessment with ID '{assessment_id[:300]}' not found for trace '{trace_id}'")
        return assessment_of(row, trace_id)

    def update_assessment(self, workspace: str, assessment: Assessment) -> None:
        with self._database.writing() as connection:
            number = trace_number(self._database, workspace, assessment.trace_id)
            row = assessment_row(number, assessment)
            is_it = self._is(workspace, assessment.trace_id, assessment.assessment_id)
            connection.execute(update(assessments).where(is_it).values(**row))

    def set_validity(self, workspace: str, trace_id: str, assessment_id: str, is_valid: bool) -> bool:
        with self._database.writing() as connection:
            is_it = self._is(workspace, trace_id, assessment_id)
            return connection.execute(update(assessments).where(is_it).values(is_valid=is_valid)).rowcount > 0

    def delete_assessment(self, workspace: str, trace_id: str, assessment_id: str) -> bool:
        with self._database.writing() as connection:
            is_it = self._is(workspace, trace_id, assessment_id)
            return connection.execute(delete(assessments).where(is_it)).rowcount > 0

    def _is(self, workspace: str, trace_id: str, assessment_id: str) -> Any:
        number = trace_number(self._database, workspace, trace_id)
        return and_(assessments.c.trace_number == number, assessments.c.assessment_id == assessment_id)
