"""SQLite: one file, one writer at a time, readers beside it."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from runyard.errors import RunyardError, StorageFull, Unavailable
from runyard.stores.database import Database


class SqliteDatabase(Database):
    """Lets writers wait for each other: by a lock in the process, by SQLite's own between processes."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._one_writer = threading.RLock()

    def take_turns(self, purpose: str) -> None:
        """Nothing more to do: there is no other writer."""

    @contextlib.contextmanager
    def _begun_to_write(self) -> Iterator[Connection]:
        with self._one_writer, self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextlib.contextmanager
    def _begun_to_read(self) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    def _explained(self, fault: BaseException) -> RunyardError | None:
        if "full" in str(fault):
            return StorageFull("The disk that holds the database is full; nothing was written.")
        if isinstance(fault, sqlite3.OperationalError):
            return Unavailable(f"The database does not answer: {fault}.")
        return None


def open_sqlite(path: Path) -> SqliteDatabase:
    """Return the database in the file ``path``, made if need be, with its schema up to date.

    A commit survives the death of the process (WAL, ``synchronous=NORMAL``).
    """
    path.touch(mode=0o600, exist_ok=True)
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": 30, "check_same_thread": False, "isolation_level": None},
        pool_size=16,
        max_overflow=64,
        hide_parameters=True,  # a fault is logged, and what was to be written is not for the log
    )
    event.listen(engine, "connect", _prepare)
    database = SqliteDatabase(engine)
    database.migrate()
    return database


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    if not connection.execute("PRAGMA page_count").fetchone()[0]:
        # Only before the first table, and only then: it waits for the writer on every later connection.
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "cache_size=-16000",
        "case_sensitive_like=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")
    # ILIKE compares by lower(), and SQLite's own knows only the letters of ASCII.
    connection.create_function("lower", 1, _lowered, deterministic=True)


def _lowered(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
