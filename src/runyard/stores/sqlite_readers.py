"""The connections of a process that read a SQLite file, kept open while they are of use."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterator

from sqlalchemy import Connection, Engine

from runyard.stores.prepared import driver_of
from runyard.stores.sqlite_writer import roll_back

IDLE_S = 10.0
"""After how long an idle connection is closed: each holds a page cache of its own."""


class SqliteReaders:
    """Hands out connections, the last one used first.

    To take one from the engine's pool and give it back costs more than a look-up does.

    Args:
        engine: The engine of a SQLite file, whose connections begin no transactions by themselves.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: deque[tuple[float, Connection]] = deque()
        self._is_closed = False

    @property
    def idle_count(self) -> int:
        """How many connections wait for somebody who reads."""
        return len(self._idle)

    @contextlib.contextmanager
    def begun(self) -> Iterator[Connection]:
        """A connection in a transaction that sees one state; it is rolled back at the end."""
        connection = self._taken()
        is_good = False
        try:
            try:
                driver_of(connection).execute("BEGIN")
                yield connection
            finally:
                roll_back(connection)
                is_good = not self._is_closed
        finally:
            if is_good:
                self._idle.append((time.monotonic(), connection))
            else:
                _close(connection)

    def close_idle(self, idle_s: float = IDLE_S) -> None:
        """Close the connections that nobody has used for so long."""
        until_s = time.monotonic() - idle_s
        with contextlib.suppress(IndexError):  # none is left
            while True:
                idle = self._idle.popleft()
                if idle[0] > until_s:
                    self._idle.appendleft(idle)
                    return
                _close(idle[1])

    def close(self) -> None:
        """Close all connections, those in use at the end of their use."""
        self._is_closed = True
        self.close_idle(0)

    def _taken(self) -> Connection:
        try:
            return self._idle.pop()[1]
        except IndexError:
            return self._engine.connect()


def _close(connection: Connection) -> None:
    """Close it for good: the pool would keep it, and its page cache, for the next one who asks."""
    connection.detach()
    connection.close()
