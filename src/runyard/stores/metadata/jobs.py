"""Jobs in SQL."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Row, Select, func, insert, or_, select, text, update

from runyard.decoding import learnt
from runyard.entities.job import SCRIPT_TAG, Job, JobSpec, JobStatus
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.column_types import lowered
from runyard.stores.database import Database
from runyard.stores.metadata.base_jobs import JobSearch, JobStore
from runyard.stores.metadata.schema import runs, tags
from runyard.stores.metadata.schema_jobs import IS_ACTIVE, jobs

_CHANGEABLE = frozenset(
    {
        "status",
        "attempt",
        "started_ms",
        "ended_ms",
        "seen_ms",
        "canceled_ms",
        "exit_code",
        "reason",
        "host",
        "launched",
        "agent_id",
        "key_sha256",
    }
)

_MAY_LACK = frozenset({"started_ms", "ended_ms", "duration_ms"})


class SqlJobs(JobStore):
    """Keeps jobs in the table ``jobs``, what they run as JSON."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_job(self, job: Job) -> None:
        with self._database.writing() as connection:
            number = connection.scalar(select(runs.c.run_number).where(runs.c.run_id == job.run_id))
            if number is None:
                raise NotFound(f"Run with id={job.run_id} not found")
            if connection.scalar(select(jobs.c.run_number).where(jobs.c.run_number == number)) is not None:
                raise AlreadyExists(f"Run {job.run_id} has a job.")
            connection.execute(insert(jobs), {"run_number": number, **_row(job)})

    def find_job(self, run_id: str) -> Job | None:
        query = self._database.locked(select(jobs).where(jobs.c.run_id == run_id), jobs)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _job(row)

    def find_jobs(self, run_ids: Collection[str]) -> dict[str, Job]:
        return {job.run_id: job for job in self._all(select(jobs).where(jobs.c.run_id.in_(run_ids)))}

    def search_jobs(self, search: JobSearch) -> list[Job]:
        query = select(jobs).where(jobs.c.workspace == search.workspace)
        if search.compute is not None:
            query = query.where(jobs.c.compute == search.compute)
        if search.experiment_ids is not None:
            query = query.where(jobs.c.experiment_id.in_([int(each) for each in search.experiment_ids]))
        if search.statuses:
            query = query.where(jobs.c.status.in_([each.value for each in search.statuses]))
        if search.text:
            query = query.where(_has_text(search.text))
        query = _ordered(query, search)
        return self._all(query.limit(search.limit).offset(search.offset))

    def run_names(self, run_ids: Collection[str]) -> dict[str, str]:
        query = select(runs.c.run_id, runs.c.name).where(runs.c.run_id.in_(run_ids))
        with self._database.reading() as connection:
            return {row.run_id: row.name for row in connection.execute(query)}

    def list_active(self) -> list[Job]:
        query = select(jobs).where(text(IS_ACTIVE))
        return self._all(query.order_by(jobs.c.priority.desc(), jobs.c.submitted_ms, jobs.c.run_number))

    def slots_taken(self, workspace: str, compute: str) -> int:
        begun = text(IS_ACTIVE), jobs.c.status != JobStatus.QUEUED.value
        query = select(func.coalesce(func.sum(jobs.c.slots), 0)).where(*begun)
        query = query.where(jobs.c.workspace == workspace, jobs.c.compute == compute)
        with self._database.reading() as connection:
            return int(connection.scalar(query) or 0)

    def update_job(self, run_id: str, **changes: Any) -> None:
        unknown = changes.keys() - _CHANGEABLE
        if unknown:
            raise TypeError(f"A job's {', '.join(sorted(unknown))} can't be changed.")
        if "status" in changes:
            changes["status"] = JobStatus(changes["status"]).value
        with self._database.writing() as connection:
            changed = connection.execute(update(jobs).where(jobs.c.run_id == run_id).values(**changes))
            if not changed.rowcount:
                raise NotFound(f"There is no job {run_id}.")

    def _all(self, query: Select[Any]) -> list[Job]:
        with self._database.reading() as connection:
            return [_job(row) for row in connection.execute(query)]


def _ordered(query: Select[Any], search: JobSearch) -> Select[Any]:
    for order in search.order:
        key = _sort_key(order.key, search.now_ms)
        way = key.asc() if order.ascending else key.desc()
        # Said of a column that is always there, it would keep PostgreSQL from its index.
        query = query.order_by(way.nulls_last() if order.key in _MAY_LACK else way)
    is_oldest_first = [order.ascending for order in search.order if order.key == "submitted_ms"]
    if not is_oldest_first:
        query = query.order_by(jobs.c.submitted_ms.desc())
    # Of the same millisecond, the numbers of their runs tell which was the first.
    return query.order_by(jobs.c.run_number.asc() if any(is_oldest_first) else jobs.c.run_number.desc())


def _sort_key(key: str, now_ms: int) -> ColumnElement[Any]:
    if key == "run_name":
        return select(runs.c.name).where(runs.c.run_number == jobs.c.run_number).scalar_subquery()
    if key == "duration_ms":
        return func.coalesce(jobs.c.ended_ms, now_ms) - jobs.c.started_ms
    return jobs.c[key]


def _has_text(wanted: str) -> ColumnElement[bool]:
    named = select(runs.c.run_number).where(runs.c.run_number == jobs.c.run_number)
    tagged = select(tags.c.run_number).where(tags.c.run_number == jobs.c.run_number, tags.c.key == SCRIPT_TAG)
    return or_(
        _contains(jobs.c.run_id, wanted),
        _contains(jobs.c.submitted_by, wanted),
        named.where(_contains(runs.c.name, wanted)).exists(),
        tagged.where(_contains(tags.c.value, wanted)).exists(),
    )


def _contains(column: Column[Any], wanted: str) -> ColumnElement[bool]:
    return lowered(column).contains(wanted.lower(), autoescape=True)


def _row(job: Job) -> dict[str, Any]:
    row = {name: getattr(job, name) for name in _CHANGEABLE}
    return row | {
        "run_id": job.run_id,
        "workspace": job.workspace,
        "experiment_id": int(job.experiment_id),
        "compute": job.compute,
        "snapshot": job.spec.snapshot,
        "priority": job.spec.priority,
        "slots": job.spec.slots,
        "spec": msgspec.json.encode(job.spec).decode(),
        "status": job.status.value,
        "submitted_ms": job.submitted_ms,
        "principal_id": job.principal_id,
        "submitted_by": job.submitted_by,
    }


def _job(row: Row[Any]) -> Job:
    kept = {name: getattr(row, name) for name in _CHANGEABLE - {"status"}}
    return Job(
        run_id=row.run_id,
        workspace=row.workspace,
        experiment_id=str(row.experiment_id),
        compute=row.compute,
        spec=msgspec.json.decode(row.spec, type=learnt(JobSpec)),
        status=JobStatus(row.status),
        submitted_ms=row.submitted_ms,
        principal_id=row.principal_id,
        submitted_by=row.submitted_by,
        **kept,
    )
