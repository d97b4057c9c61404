"""The dictionary of metric names: tables hold numbers, which are shorter and compare faster."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from runyard.stores.database import Database, chunks
from runyard.stores.metadata.schema import metric_keys
from runyard.stores.prepared import Prepared

PACKED_KEY_ID = 0
"""No key's number: it stands where several series share a chunk."""
MAX_REMEMBERED = 100_000
"""Names are the clients' to choose; memory for them is not."""

_ADD = Prepared("INSERT INTO metric_keys (key) VALUES (:key) ON CONFLICT (key) DO NOTHING")

_FIND = Prepared("SELECT key_id FROM metric_keys WHERE key = :key")


class MetricKeys:
    """Knows the number of each name, and remembers those that were committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, int] = {}
        self._lock = threading.Lock()

    def keep(self, connection: Connection, keys: Iterable[str]) -> dict[str, int]:
        """Return the number of each name; new names get one within the transaction that the thread holds."""
        wanted = set(keys)
        ids = {key: self._known[key] for key in wanted & self._known.keys()}
        absent = sorted(wanted - ids.keys())
        if absent:
            _ADD.run_many(connection, [{"key": key} for key in absent])
            added = _read(connection, absent)
            ids.update(added)
            self._database.after_commit(lambda: self._remember(added))
        return ids

    def find(self, connection: Connection, keys: Iterable[str]) -> dict[str, int]:
        """Return the numbers of names; one of which nothing was ever summarised has none."""
        wanted = set(keys)
        ids = {key: self._known[key] for key in wanted & self._known.keys()}
        return ids | _read(connection, sorted(wanted - ids.keys()))

    def _remember(self, ids: Mapping[str, int]) -> None:
        with self._lock:
            if len(self._known) + len(ids) > MAX_REMEMBERED:
                self._known = {}
            self._known = {**self._known, **ids}


def _read(connection: Connection, keys: list[str]) -> dict[str, int]:
    if len(keys) == 1:
        found = _FIND.row(connection, key=keys[0])
        return {} if found is None else {keys[0]: found[0]}
    query = select(metric_keys.c.key, metric_keys.c.key_id)
    return {
        row.key: row.key_id
        for part in chunks(keys)
        for row in connection.execute(query.where(metric_keys.c.key.in_(part)))
    }
