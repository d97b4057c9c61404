"""The audit log in SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select

from runyard.entities.audit import AuditEntry, AuditEvent, AuditSearch, Outcome
from runyard.stores.database import Database
from runyard.stores.metadata.audit_guards import lost_guards
from runyard.stores.metadata.base_audit import AuditStore
from runyard.stores.metadata.schema_identity import audit_entries

_TURN = "audit log"
_AT_ONCE = 1000
_EVENT_COLUMNS = tuple(field.name for field in fields(AuditEvent))
_columns = audit_entries.c


class SqlAudit(AuditStore):
    """Keeps it in the table ``audit_entries``, which takes neither updates nor deletes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, events: Sequence[AuditEvent]) -> None:
        last = select(_columns.number, _columns.chain_hash).order_by(_columns.number.desc()).limit(1)
        with self._database.writing() as connection:
            self._database.take_turns(_TURN)
            found = connection.execute(last).first()
            number, chain_hash = (0, "") if found is None else (found.number, found.chain_hash)
            rows = []
            for event in events:
                number, chain_hash = number + 1, event.chained_to(chain_hash)
                rows.append({"number": number, "chain_hash": chain_hash, **_values(event)})
            if rows:
                connection.execute(insert(audit_entries), rows)

    def search(self, search: AuditSearch) -> list[AuditEntry]:
        query = select(audit_entries).where(*_conditions(search)).order_by(_columns.number.desc())
        with self._database.reading() as connection:
            return list(map(_entry, connection.execute(query.limit(search.limit))))

    def read_all(self) -> Iterator[AuditEntry]:
        number, found = 0, True
        while found:
            query = select(audit_entries).where(_columns.number > number).order_by(_columns.number)
            with self._database.reading() as connection:
                rows = connection.execute(query.limit(_AT_ONCE)).all()
            yield from map(_entry, rows)
            found = bool(rows)
            number = rows[-1].number if rows else number

    def lost_guards(self) -> list[str]:
        with self._database.reading() as connection:
            return lost_guards(connection)


def _conditions(search: AuditSearch) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if search.caller is not None:
        conditions.append((_columns.caller == search.caller) | (_columns.principal_id == search.caller))
    if search.action is not None:
        beginning = _columns.action.startswith(f"{search.action}.", autoescape=True)
        conditions.append((_columns.action == search.action) | beginning)
    if search.outcome is not None:
        conditions.append(_columns.outcome == search.outcome.value)
    if search.workspace is not None:
        conditions.append(_columns.workspace == search.workspace)
    if search.target is not None:
        conditions.append(_columns.target.contains(search.target, autoescape=True))
    if search.since_ms is not None:
        conditions.append(_columns.at_ms >= search.since_ms)
    if search.until_ms is not None:
        conditions.append(_columns.at_ms < search.until_ms)
    if search.before_number is not None:
        conditions.append(_columns.number < search.before_number)
    return conditions


def _values(event: AuditEvent) -> dict[str, object]:
    return {**{name: getattr(event, name) for name in _EVENT_COLUMNS}, "outcome": event.outcome.value}


def _entry(row: Row[Any]) -> AuditEntry:
    told = {name: row._mapping[name] for name in _EVENT_COLUMNS}
    event = AuditEvent(**{**told, "outcome": Outcome(row.outcome)})
    return AuditEntry(row.number, event, row.chain_hash)
