"""One SQL database behind the metadata and metric stores: connections and transactions."""

from __future__ import annotations

import contextlib
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
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._current = threading.local()
        self._one_writer = threading.RLock()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a write transaction, committed at the end or rolled back by any error.

        Blocks while another thread writes.

        Raises:
            StorageFull: The disk is full; nothing was written.
            Unavailable: The database can't be reached or is locked by another process.
        """
        outer: Connection | None = getattr(self._current, "connection", None)
        if outer is not None:
            if not self._current.may_write:
                raise RuntimeError("A write was begun inside a transaction that only reads.")
            yield outer
            return
        with self._one_writer, _said_as_ours(), self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN")
            self._current.connection, self._current.may_write = connection, True
            afterwards: list[Callable[[], None]] = []
            self._current.afterwards = afterwards
            try:
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
            finally:
                self._current.connection = None
            for callback in afterwards:
                callback()

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once this thread's write transaction is committed, and not if it fails.

        It is how memory follows the tables: what is rolled back must not be remembered. The writer's
        turn lasts until it has returned, so that those who write next find both alike.
        """
        self._current.afterwards.append(callback)

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
            run = connection.connection.driver_connection.execute  # type: ignore[union-attr]
            run("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            free, pages = (run(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count"))
        if is_idle and free > max(pages // FREE_PART, FREE_PAGES):
            with self.writing() as connection:
                connection.exec_driver_sql(f"PRAGMA incremental_vacuum({FREE_PAGES})").fetchall()

    def close(self) -> None:
        """Close all connections; SQLite folds its write-ahead log into the file."""
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
    return Database(engine)


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
