"""Traces in SQL: each as a whole, its tags and metadata, and what it is linked to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, case, delete, func, select, update

from runyard.entities.trace import Trace
from runyard.errors import AlreadyExists, InvalidParameter
from runyard.protocol.filter_tree import Filter
from runyard.stores.artifacts.paths import ArtifactPath, proxied_path
from runyard.stores.database import Database, chunks, insert_if_free, insert_missing
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_traces import Doomed, Held, Overlap, TraceStore
from runyard.stores.metadata.removed_folders import note_removed
from runyard.stores.metadata.schema import experiments
from runyard.stores.metadata.schema_traces import (
    assessments,
    spans,
    trace_prompts,
    trace_runs,
    trace_tags,
    traces,
)
from runyard.stores.metadata.trace_rows import (
    each_once,
    not_found,
    row_of,
    trace_number,
    trace_numbers,
    traces_of,
    upsert_pairs,
    with_contents,
    write_pairs,
)
from runyard.stores.metadata.trace_search import Conditions, traces_query, traces_within


class SqlTraces(TraceStore):
    """Keeps traces in the table ``traces`` and what hangs on them in a table each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_trace(self, trace: Trace) -> None:
        with self._database.writing() as connection:
            if not insert_if_free(connection, traces, row_of(trace)):
                raise AlreadyExists(f"Trace with ID '{trace.trace_id}' already exists.")
            write_pairs(connection, self._number(trace.workspace, trace.trace_id), trace)

    def get_trace(self, workspace: str, trace_id: str) -> Trace:
        query = traces_of(workspace).where(traces.c.trace_id == trace_id)
        query = self._database.locked(query, traces)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                raise not_found(trace_id)
            return with_contents(connection, [row])[0]

    def find_traces(self, workspace: str, trace_ids: Sequence[str]) -> list[Trace]:
        found: dict[str, Trace] = {}
        with self._database.reading() as connection:
            for part in chunks(each_once(trace_ids)):
                rows = connection.execute(traces_of(workspace).where(traces.c.trace_id.in_(part))).all()
                found.update((trace.trace_id, trace) for trace in with_contents(connection, rows))
        return [found[trace_id] for trace_id in each_once(trace_ids) if trace_id in found]

    def update_trace(self, trace: Trace) -> None:
        with self._database.writing() as connection:
            number = self._number(trace.workspace, trace.trace_id)
            connection.execute(update(traces).where(traces.c.trace_number == number).values(**row_of(trace)))
            write_pairs(connection, number, trace)

    def set_trace_tags(self, workspace: str, trace_id: str, tags: Mapping[str, str]) -> None:
        with self._database.writing() as connection:
            upsert_pairs(connection, trace_tags, self._number(workspace, trace_id), tags)

    def delete_trace_tag(self, workspace: str, trace_id: str, key: str) -> bool:
        with self._database.writing() as connection:
            is_it = and_(
                trace_tags.c.trace_number == self._number(workspace, trace_id), trace_tags.c.key == key
            )
            return connection.execute(delete(trace_tags).where(is_it)).rowcount > 0

    def search_traces(self, search: Search) -> list[Trace]:
        query = traces_query(search).limit(search.limit).offset(search.offset)
        with self._database.reading() as connection:
            return with_contents(connection, connection.execute(query).all())

    def delete_traces(self, workspace: str, doomed: Doomed, limit: int, now_ms: int) -> int:
        with self._database.writing() as connection:
            query = self._database.locked(_doomed(workspace, doomed).limit(limit), traces)
            rows = connection.execute(query).all()
            numbers = [row.trace_number for row in rows]
            _note_files(connection, workspace, rows, now_ms)
            for part in chunks(numbers):
                connection.execute(delete(traces).where(traces.c.trace_number.in_(part)))
            return len(numbers)

    def link_run(self, workspace: str, trace_ids: Sequence[str], run_id: str) -> None:
        with self._database.writing() as connection:
            numbers = trace_numbers(connection, workspace, trace_ids).values()
            rows = [{"trace_number": number, "run_id": run_id} for number in sorted(numbers)]
            insert_missing(connection, trace_runs, rows)

    def link_prompts(self, workspace: str, trace_id: str, prompts: Sequence[str]) -> None:
        with self._database.writing() as connection:
            number = self._number(workspace, trace_id)
            rows = [{"trace_number": number, "prompt": prompt} for prompt in sorted(set(prompts))]
            insert_missing(connection, trace_prompts, rows)

    def count_held(self, workspace: str, trace_ids: Sequence[str]) -> Held:
        with self._database.reading() as connection:
            numbers = list(trace_numbers(connection, workspace, trace_ids).values())
            held = [0, 0]
            for part in chunks(numbers):
                for place, table in enumerate((spans, assessments)):
                    query = select(func.count()).where(table.c.trace_number.in_(part))
                    held[place] += int(connection.scalar(query) or 0)
        return Held(len(numbers), *held)

    def overlap(self, search: Search, first: Filter | None, second: Filter | None) -> Overlap:
        conditions = Conditions(search)
        one, other = conditions.of(first), conditions.of(second)
        counts = (
            func.count(),
            *(func.sum(case((each, 1), else_=0)) for each in (one, other, and_(one, other))),
        )
        query = select(*counts).select_from(traces).where(traces_within(search))
        with self._database.reading() as connection:
            return Overlap(*(int(count or 0) for count in connection.execute(query).one()))

    def _number(self, workspace: str, trace_id: str) -> int:
        return trace_number(self._database, workspace, trace_id)


def _doomed(workspace: str, doomed: Doomed) -> Select[Any]:
    columns = (traces.c.trace_number, traces.c.trace_id, experiments.c.artifact_location)
    query = traces_of(workspace, *columns).where(traces.c.experiment_id == int(doomed.experiment_id))
    if doomed.trace_ids is not None:
        query = query.where(traces.c.trace_id.in_(doomed.trace_ids))
    if doomed.until_ms is not None:
        query = query.where(traces.c.started_ms <= doomed.until_ms)
    return query.order_by(traces.c.started_ms, traces.c.trace_id)


def _note_files(connection: Connection, workspace: str, rows: Sequence[Any], now_ms: int) -> None:
    """Note the folders of traces: a client may write a file there even if the spans are here."""
    paths = (_folder(workspace, row) for row in rows)
    note_removed(connection, [path for path in paths if path is not None], now_ms)


def _folder(workspace: str, row: Any) -> ArtifactPath | None:
    try:
        place = proxied_path(f"{row.artifact_location.rstrip('/')}/traces/{row.trace_id}")
    except InvalidParameter:  # what no client can have written below
        return None
    return None if place is None else ArtifactPath((workspace,)) / place
