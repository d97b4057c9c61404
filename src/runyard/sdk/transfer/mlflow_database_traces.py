"""The traces of a database of MLflow's: spans lie in it, or in files beside it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select

from runyard.entities.assessment import Assessment, AssessmentError, AssessmentKind
from runyard.entities.measures import COSTS, TOKENS
from runyard.entities.trace import ARTIFACTS_TAG, COST_KEY, NAME_TAG, RUN_KEY, SESSION_KEY, TOKENS_KEY
from runyard.sdk.transfer.local_artifacts import LocalArtifacts
from runyard.sdk.transfer.mlflow_traces import each_sound, older_trace, prompts_in, spans_in_files
from runyard.sdk.transfer.records import SourceExperiment, SourceTrace
from runyard.sdk.transfer.source import Unreadable, encoded_span
from runyard.sdk.transfer.trace_contents import ATTACHED, ATTACHMENTS, TraceContents

PAGE = 100
SPANS_AT_ONCE = 100

Pairs = dict[str, dict[str, str]]


class DatabaseTraces:
    """Reads traces, a page of them in memory.

    Args:
        tables: The tables that there are.
        reading: Opens a connection.
        artifacts: Finds the files of traces.
        problems: Where it is noted what was left out.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        reading: Callable[[], AbstractContextManager[Connection]],
        artifacts: LocalArtifacts,
        problems: list[str],
    ) -> None:
        self._tables = tables
        self._reading = reading
        self._artifacts = artifacts
        self._problems = problems

    def traces(self, experiment: SourceExperiment) -> Iterator[SourceTrace]:
        """Yield the traces of an experiment, by their ids."""
        if "trace_info" not in self._tables:
            return
        table, last = self._tables["trace_info"], ""
        while True:
            query = select(table).where(
                table.c.experiment_id == int(experiment.source_id), table.c.request_id > last
            )
            with self._reading() as connection:
                rows = connection.execute(query.order_by(table.c.request_id).limit(PAGE)).all()
                described = self._described(connection, rows)
            yield from each_sound(self._problems, iter(described))
            if len(rows) < PAGE:
                return
            last = rows[-1].request_id

    def spans(self, trace: SourceTrace) -> Iterator[dict[str, Any]]:
        """Yield the spans of a trace, from the database or from its file."""
        found = False
        for content in self._contents(trace.trace.trace_id):
            found = True
            yield _span(content)
        if not found:
            yield from spans_in_files(self._artifacts, trace)

    def contents(self, trace: SourceTrace) -> TraceContents:
        """Return how many spans a trace has, and what is attached to it."""
        trace_id, found = trace.trace.trace_id, TraceContents()
        if "spans" in self._tables:
            columns = self._tables["spans"].c
            counted = select(func.count()).where(
                columns.trace_id == trace_id, func.length(columns.content) > 0
            )
            naming = select(columns.content).where(
                columns.trace_id == trace_id, columns.content.contains(ATTACHED)
            )
            with self._reading() as connection:
                found.spans = int(connection.execute(counted).scalar_one())
                for row in connection.execution_options(yield_per=SPANS_AT_ONCE).execute(naming):
                    found.look_into(trace_id, row.content.encode())
        if not found.spans:
            for span in spans_in_files(self._artifacts, trace):
                found.spans += 1
                found.look_into(trace_id, encoded_span(span))
        return found

    def attachment(self, trace: SourceTrace, attachment_id: str) -> Path:
        """Return where a file that is attached to a trace lies."""
        return self._artifacts.file(trace.artifact_uri, f"{ATTACHMENTS}/{attachment_id}")

    def _contents(self, trace_id: str) -> Iterator[str]:
        if "spans" not in self._tables:
            return
        columns = self._tables["spans"].c
        query = select(columns.content).where(columns.trace_id == trace_id).order_by(columns.span_id)
        with self._reading() as connection:
            found = connection.execution_options(yield_per=SPANS_AT_ONCE).execute(query)
            # The rows of an archived trace stay, without content.
            yield from (row.content for row in found if row.content)

    def _described(
        self, connection: Connection, rows: Sequence[Row[Any]]
    ) -> list[tuple[str, Callable[[], SourceTrace]]]:
        ids = [row.request_id for row in rows]
        metadata, tags = (
            self._pairs(connection, name, ids) for name in ("trace_request_metadata", "trace_tags")
        )
        given: dict[str, list[Row[Any]]] = defaultdict(list)
        for row in self._of(connection, "assessments", "trace_id", ids):
            given[row.trace_id].append(row)
        links = self._links(connection, ids)

        def read(row: Row[Any]) -> SourceTrace:
            trace_id = row.request_id
            columns = dict(row._mapping)
            trace = older_trace(
                columns, metadata[trace_id] | _metadata_in(columns), tags[trace_id] | _tags_in(columns)
            )
            assessments = sorted(map(_assessment, given[trace_id]), key=_given_at)
            linked = {*links[trace_id]["prompt_version"], *prompts_in(trace.tags)}
            return SourceTrace(
                trace=replace(trace, assessments=assessments),
                artifact_uri=trace.tags.get(ARTIFACTS_TAG, ""),
                run_ids=sorted(links[trace_id]["run"] - {trace.metadata.get(RUN_KEY, "")}),
                prompts=sorted(linked),
            )

        return [(row.request_id, partial(read, row)) for row in rows]

    def _pairs(self, connection: Connection, name: str, ids: Sequence[str]) -> Pairs:
        found: Pairs = defaultdict(dict)
        for row in self._of(connection, name, "request_id", ids):
            found[row.request_id][row.key] = row.value or ""
        return found

    def _links(self, connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, set[str]]]:
        found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for row in self._of(connection, "entity_associations", "source_id", ids):
            if row.source_type == "trace":
                found[row.source_id][row.destination_type].add(row.destination_id)
        return found

    def _of(self, connection: Connection, name: str, owner: str, ids: Sequence[str]) -> Sequence[Row[Any]]:
        if name not in self._tables or not ids:
            return []
        table = self._tables[name]
        return connection.execute(select(table).where(table.c[owner].in_(ids))).all()


def _tags_in(columns: Mapping[str, Any]) -> dict[str, str]:
    """Return the tag that databases of MLflow 3.17 have in a column of its own."""
    name = columns.get("trace_name")
    return {} if name is None else {NAME_TAG: name}


def _metadata_in(columns: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata that databases of MLflow 3.17 have in columns of their own."""
    session = columns.get("session_id")
    found = {} if session is None else {SESSION_KEY: session}
    for key, names in ((TOKENS_KEY, TOKENS), (COST_KEY, COSTS)):
        told = {name: columns[name] for name in names if columns.get(name) is not None}
        if told:
            found[key] = json.dumps(told)
    return found


def _span(content: str) -> dict[str, Any]:
    try:
        span = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"A span is no JSON: {error}") from error
    if not isinstance(span, dict):
        raise Unreadable("A span is no JSON object.")
    return span


def _given_at(assessment: Assessment) -> tuple[int, str]:
    return assessment.created_ms, assessment.assessment_id


def _assessment(row: Row[Any]) -> Assessment:
    kind = AssessmentKind(row.assessment_type)
    value = json.loads(row.value)
    error = json.loads(row.error) if row.error else None
    metadata = json.loads(row.assessment_metadata) if row.assessment_metadata else {}
    return Assessment(
        assessment_id=row.assessment_id,
        trace_id=row.trace_id,
        kind=kind,
        name=row.name,
        value=value["issue_name"] if kind is AssessmentKind.ISSUE else value,
        source_type=row.source_type,
        source_id=row.source_id or "",
        created_ms=row.created_timestamp,
        updated_ms=row.last_updated_timestamp,
        error=_error(error) if error else None,
        rationale=row.rationale,
        metadata={str(key): str(held) for key, held in metadata.items()},
        span_id=row.span_id,
        overrides=row.overrides,
        is_valid=bool(row.valid),
    )


def _error(raw: Mapping[str, Any]) -> AssessmentError:
    return AssessmentError(raw.get("error_code") or "", raw.get("error_message"), raw.get("stack_trace"))
