"""The one connection of a process that writes to a SQLite file."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Engine

from runyard.stores.database import WriterBusy
from runyard.stores.prepared import driver_of


class SqliteWriter:
    """Keeps the connection open: to take one from the pool costs more than a small transaction does.

    Args:
        engine: The engine of a SQLite file, whose connections begin transactions themselves.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.RLock()
        self._connection: Connection | None = None
        self._patience_ms = 0

    @contextlib.contextmanager
    def begun(self, wait: bool = True) -> Iterator[Connection]:
        """The connection with a transaction begun; what the block has not committed is rolled back.

        Args:
            wait: Whether to wait for other threads and processes that write.

        Raises:
            WriterBusy: Another thread or process writes and ``wait`` is false.
            OperationalError: Another process has held the file for longer than the engine's timeout.
        """
        if not self._turn.acquire(blocking=wait):
            raise WriterBusy
        try:
            connection = self._connection or self._connect()
            self._begin(driver_of(connection), wait)
            try:
                yield connection
            finally:
                roll_back(connection)
        finally:
            self._turn.release()

    def commit(self, connection: Connection) -> None:
        """Commit what was written by SQLAlchemy and past it."""
        if connection.in_transaction():
            connection.commit()
        else:
            driver_of(connection).commit()

    def close(self) -> None:
        """Close the connection once nobody writes any more; the next transaction opens another."""
        with self._turn:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _connect(self) -> Connection:
        connection = self._connection = self._engine.connect()
        driver = driver_of(connection)
        self._patience_ms = driver.execute("PRAGMA busy_timeout").fetchone()[0]
        # SQLite waits where it stands. Who does not want to wait must not, and the others ask twice.
        driver.execute("PRAGMA busy_timeout=0")
        return connection

    def _begin(self, driver: Any, wait: bool) -> None:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            if not wait:
                raise WriterBusy from None
            _begin_patiently(driver, self._patience_ms)


def _begin_patiently(driver: Any, patience_ms: int) -> None:
    driver.execute(f"PRAGMA busy_timeout={patience_ms}")
    try:
        driver.execute("BEGIN IMMEDIATE")
    finally:
        driver.execute("PRAGMA busy_timeout=0")


def roll_back(connection: Connection) -> None:
    """End a transaction that was not committed; SQLAlchemy knows of it only if it was used in it."""
    # Not ``in_transaction()``: it denies one whose commit failed, which is in the way till rolled back.
    if connection.get_transaction() is not None:
        connection.rollback()
    driver = driver_of(connection)
    if driver.in_transaction:
        driver.rollback()
