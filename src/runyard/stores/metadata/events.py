"""Events in SQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select, update

from runyard.entities.event import Event, EventKind, EventSearch, SilentRun
from runyard.entities.experiment import LifecycleStage
from runyard.entities.run import RunStatus
from runyard.entities.webhook import DeliveryState
from runyard.stores.database import Database
from runyard.stores.metadata.base_events import EventStore
from runyard.stores.metadata.schema import experiments, runs
from runyard.stores.metadata.schema_operation import events, run_watches, webhook_deliveries
from runyard.stores.prepared import Prepared

# A run that ends writes one in the transaction that ends it.
_ADD = Prepared(
    "INSERT INTO events (kind, workspace, happened_ms, message, subject, payload, once, is_new)"
    " VALUES (:kind, :workspace, :happened_ms, :message, :subject, :payload, :once, TRUE)"
    " ON CONFLICT (once) DO NOTHING"
)
_NEW = Prepared("SELECT event_number FROM events WHERE is_new ORDER BY event_number LIMIT :limit")
# Only what has changed is written.
_WATCH = Prepared(
    "INSERT INTO run_watches (run_number, revision, heard_ms)"
    " SELECT run_number, revision, CAST(:now_ms AS bigint) FROM runs WHERE status = 'RUNNING'"
    " ON CONFLICT (run_number) DO UPDATE SET revision = excluded.revision, heard_ms = excluded.heard_ms,"
    " is_told = FALSE WHERE run_watches.revision <> excluded.revision"
)
_FORGET = Prepared(
    "DELETE FROM run_watches WHERE run_number NOT IN (SELECT run_number FROM runs WHERE status = 'RUNNING')"
)


class SqlEvents(EventStore):
    """Keeps events in the table ``events``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_event(self, event: Event) -> bool:
        with self._database.writing() as connection:
            added = _ADD.run(
                connection,
                kind=event.kind.value,
                workspace=event.workspace,
                happened_ms=event.happened_ms,
                message=event.message,
                subject=json.dumps(dict(event.subject)),
                payload=None if event.payload is None else json.dumps(dict(event.payload)),
                once=event.once,
            )
        return added > 0

    def add_told(self, event: Event) -> int:
        this = events.c.once == event.once
        with self._database.writing() as connection:
            self.add_event(event)
            connection.execute(update(events).where(this).values(is_new=False))
            return int(connection.execute(select(events.c.event_number).where(this)).scalar_one())

    def search_events(self, search: EventSearch) -> list[Event]:
        columns = events.c
        query = select(events).where(columns.happened_ms >= search.since_ms)
        if search.workspace is not None:
            query = query.where(columns.workspace == search.workspace)
        if search.kinds:
            query = query.where(columns.kind.in_([kind.value for kind in search.kinds]))
        if search.before_number is not None:
            query = query.where(columns.event_number < search.before_number)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(columns.event_number.desc()).limit(search.limit)).all()
        return [event_of(row) for row in rows]

    def list_new(self, limit: int) -> list[int]:
        with self._database.reading() as connection:
            return [row[0] for row in _NEW.rows(connection, limit=limit)]

    def take_new(self, event_numbers: Sequence[int]) -> list[Event]:
        is_asked = events.c.is_new & events.c.event_number.in_(event_numbers)
        query = select(events).where(is_asked).order_by(events.c.event_number)
        with self._database.writing() as connection:
            rows = connection.execute(query.with_for_update(skip_locked=True)).all()
            numbers = [row.event_number for row in rows]
            taken = update(events).where(events.c.event_number.in_(numbers)).values(is_new=False)
            connection.execute(taken)
        return [event_of(row) for row in rows]

    def forget_old(self, before_ms: int, kept: int, owed_since_ms: int) -> int:
        # By number, not by counting: numbers count up, and those that were never given do no harm.
        last = select(func.coalesce(func.max(events.c.event_number), 0)).scalar_subquery()
        is_old = (events.c.happened_ms < before_ms) | (events.c.event_number <= last - kept)
        waiting = webhook_deliveries.c
        is_owed = (waiting.state == DeliveryState.WAITING.value) & (waiting.created_ms >= owed_since_ms)
        owed = select(waiting.event_number).where(is_owed)
        forgotten = delete(events).where(is_old, ~events.c.is_new, events.c.event_number.not_in(owed))
        with self._database.writing() as connection:
            return connection.execute(forgotten).rowcount

    def watch_runs(self, now_ms: int) -> None:
        with self._database.writing() as connection:
            _WATCH.run(connection, now_ms=now_ms)
            _FORGET.run(connection)

    def take_silent_runs(self, before_ms: int, limit: int) -> list[SilentRun]:
        watched = run_watches.c
        query = (
            select(
                watched.run_number,
                experiments.c.workspace,
                runs.c.experiment_id,
                runs.c.run_id,
                runs.c.name,
                watched.heard_ms,
            )
            .join_from(runs, experiments)
            .join(run_watches)
            .where(
                runs.c.status == RunStatus.RUNNING.value,
                runs.c.lifecycle_stage == LifecycleStage.ACTIVE.value,
                watched.heard_ms < before_ms,
                ~watched.is_told,
            )
            .order_by(watched.run_number)
            .limit(limit)
        )
        with self._database.writing() as connection:
            rows = connection.execute(query.with_for_update(skip_locked=True, of=run_watches)).all()
            taken = update(run_watches).where(watched.run_number.in_([row.run_number for row in rows]))
            connection.execute(taken.values(is_told=True))
        return [
            SilentRun(row.workspace, str(row.experiment_id), row.run_id, row.name, row.heard_ms)
            for row in rows
        ]


def event_of(row: Any) -> Event:
    """Return the event of a row that has the table's columns."""
    return Event(
        kind=EventKind(row.kind),
        workspace=row.workspace,
        happened_ms=row.happened_ms,
        message=row.message,
        subject=json.loads(row.subject),
        once=row.once,
        event_number=row.event_number,
        payload=None if row.payload is None else json.loads(row.payload),
    )
