"""One SQL database behind the metadata and metric stores: connections and transactions."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DatabaseError

from runyard.errors import StorageFull, Unavailable
from runyard.settings import Durability
from runyard.stores.schema_version import bring_up_to_date
from runyard.stores.sqlite_writer import SqliteWriter, WriterBusy

__all__ = ["Database", "WriterBusy", "chunks", "insert_missing", "open_sqlite", "upsert"]

_log = logging.getLogger("runyard.stores")

Value = TypeVar("Value")
FREE_PAGES = 500
"""How many pages a file is shrunk by at once, which holds the writer for milliseconds; fewer are left."""
FREE_PART = 20
"""One page in so many may be free: the next batches take it."""
WAL_PAGES = 20_000
"""When SQLite itself moves the write-ahead log into the file, should nobody else have done it."""

_SYNCHRONOUS = {Durability.COMMIT: "NORMAL", Durability.FULL: "FULL"}


class Database:
    """Hands out connections: many readers beside one writer.

    A transaction belongs to the thread that began it. ``writing()`` inside ``writing()`` joins
    the outer one, which is how a service makes several stores change together or not at all.

    Args:
        engine: A SQLAlchemy engine whose connections begin transactions themselves.
        durability: What a commit waits for.
    """

    def __init__(self, engine: Engine, durability: Durability = Durability.COMMIT) -> None:
        self.engine = engine
        self._durability = durability
        self._current = threading.local()
        self._writer = SqliteWriter(engine)

    @contextlib.contextmanager
    def writing(self, wait: bool = True) -> Iterator[Connection]:
        """A connection in a write transaction, committed at the end or rolled back by any error.

        Blocks while another thread writes, unless ``wait`` is false.

        Raises:
            StorageFull: The disk is full; nothing was written.
            Unavailable: The database can't be reached or is locked by another process.
            WriterBusy: Another thread or process writes and ``wait`` is false.
        """
        outer: Connection | None = getattr(self._current, "connection", None)
        if outer is not None:
            if not self._current.may_write:
                raise RuntimeError("A write was begun inside a transaction that only reads.")
            yield outer
            return
        with _said_as_ours(), self._writer.begun(wait) as connection:
            self._current.connection, self._current.may_write = connection, True
            after_commit: list[Callable[[], None]] = []
            self._current.after_commit = after_commit
            try:
                yield connection
                self._writer.commit(connection)
            finally:
                self._current.connection = None
            for callback in after_commit:
                _call_after_commit(callback)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when the write transaction of this thread has been committed.

        It is dropped if the transaction is rolled back. It is called before another thread writes, so that
        what is remembered by callbacks comes in the order of the commits; it must be short and not write.

        Raises:
            RuntimeError: This thread is in no write transaction.
        """
        if getattr(self._current, "connection", None) is None or not self._current.may_write:
            raise RuntimeError("There is no write transaction to wait for.")
        self._current.after_commit.append(callback)

    @property
    def is_writing(self) -> bool:
        """Whether this thread is inside ``writing()``."""
        return getattr(self._current, "connection", None) is not None and self._current.may_write

    @property
    def is_reading(self) -> bool:
        """Whether this thread is inside ``reading_together()``."""
        return getattr(self._current, "connection", None) is not None and not self._current.may_write

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database; within ``writing()``, that transaction's own.

        Raises:
            Unavailable: The database can't be reached.
        """
        outer: Connection | None = getattr(self._current, "connection", None)
        if outer is not None:
            yield outer
            return
        with _said_as_ours(), self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextlib.contextmanager
    def reading_together(self) -> Iterator[None]:
        """Let all ``reading()`` of this thread within the block see one state of the database."""
        if getattr(self._current, "connection", None) is not None:
            yield
            return
        with self.reading() as connection:
            self._current.connection, self._current.may_write = connection, False
            try:
                yield
            finally:
                self._current.connection = None

    @property
    def is_sqlite(self) -> bool:
        """Whether the engine is SQLite: one writer at a time in the whole process."""
        return self.engine.dialect.name == "sqlite"

    @property
    def commits_at_once(self) -> bool:
        """Whether a small transaction takes microseconds: no other machine and no disk is waited for."""
        return self.is_sqlite and self._durability is Durability.COMMIT

    def migrate(self) -> None:
        """Bring the schema to the newest version; a database of a newer Runyard is refused.

        Raises:
            InvalidState: The schema is newer than this version of Runyard knows.
        """
        with self.writing() as connection:
            bring_up_to_date(connection)

    def give_back_room(self, *, is_idle: bool) -> None:
        """Move what was written into the file proper and, when idle, shrink the file by what is free in it.

        Neither is ever needed for an answer. Without it SQLite would move pages inside some request's commit.
        """
        if not self.is_sqlite:
            return
        with _said_as_ours(), self.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").all()
            free, pages = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("freelist_count", "page_count")
            )
        if is_idle and free > max(pages // FREE_PART, FREE_PAGES):
            with self.writing() as connection:
                connection.exec_driver_sql(f"PRAGMA incremental_vacuum({FREE_PAGES})").fetchall()

    def close(self) -> None:
        """Close all connections; SQLite folds its write-ahead log into the file."""
        self._writer.close()
        self.engine.dispose()


def open_sqlite(path: Path, durability: Durability = Durability.COMMIT) -> Database:
    """Return the database in the file ``path``, made if need be, with its schema up to date.

    A commit survives the death of the process (WAL); with ``durability`` of ``FULL`` also the loss of power,
    as each waits for the disk.
    """
    path.touch(mode=0o600, exist_ok=True)
    database = connect_sqlite(path, durability)
    database.migrate()
    return database


def connect_sqlite(path: Path, durability: Durability = Durability.COMMIT) -> Database:
    """Return the database in the file ``path`` as it is, whatever schema it has."""
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": 30, "check_same_thread": False, "isolation_level": None},
        pool_size=16,
        max_overflow=64,
        hide_parameters=True,  # a fault is logged, and what was to be written is not for the log
    )
    event.listen(engine, "connect", partial(_prepare_sqlite, durability))
    return Database(engine, durability)


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    unique: Sequence[str] = (),
) -> None:
    """Insert ``rows``; where the ``unique`` columns (the primary key) are taken, write ``columns`` over."""
    statement = sqlite.insert(table)
    changed = {name: statement.excluded[name] for name in columns}
    key = [table.c[name] for name in unique] or list(table.primary_key)
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), list(rows))


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of ``rows`` that no unique key of the table holds yet."""
    if rows:
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(), list(rows))


def chunks(values: Sequence[Value], size: int = 10_000) -> Iterator[Sequence[Value]]:
    """Cut a list for an ``IN``: SQLite takes at most 32,766 bound values in one statement."""
    return (values[start : start + size] for start in range(0, len(values), size))


def _prepare_sqlite(durability: Durability, connection: sqlite3.Connection, _record: Any) -> None:
    if not connection.execute("PRAGMA page_count").fetchone()[0]:
        # Only before the first table, and only then: it waits for the writer on every later connection.
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    for pragma in (
        "journal_mode=WAL",
        f"synchronous={_SYNCHRONOUS[durability]}",
        "foreign_keys=ON",
        "cache_size=-16000",
        f"wal_autocheckpoint={WAL_PAGES}",
        "journal_size_limit=67108864",
        "case_sensitive_like=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")
    # ILIKE compares by lower(), and SQLite's own knows only the letters of ASCII.
    connection.create_function("lower", 1, _lowered, deterministic=True)


def _lowered(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _call_after_commit(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:  # noqa: BLE001 - what was written stays written, whoever fails to take note of it
        _log.exception("what was to follow a commit failed")


@contextlib.contextmanager
def _said_as_ours() -> Iterator[None]:
    """Raise the driver's faults as errors that tell a client whether to try again."""
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as error:
        # What is run past SQLAlchemy raises the driver's own errors.
        cause = error.orig if isinstance(error, DatabaseError) else error
        if "full" in str(cause):
            raise StorageFull("The disk that holds the database is full; nothing was written.") from error
        if isinstance(cause, sqlite3.OperationalError):
            raise Unavailable(f"The database does not answer: {cause}.") from error
        raise
