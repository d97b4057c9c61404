"""SQLite: one file, one writer at a time, readers beside it."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects.sqlite import insert

from runyard.errors import RunyardError, StorageFull, Unavailable
from runyard.protocol.patterns import pattern_of
from runyard.settings import Durability
from runyard.stores.database import INSERTS, Database, TransactionUndone, bring_schema_up_to_date
from runyard.stores.prepared import driver_of
from runyard.stores.sqlite_readers import SqliteReaders
from runyard.stores.sqlite_writer import SqliteWriter

FREE_PAGES = 500
"""How many pages a file is shrunk by at once, which holds the writer for milliseconds; fewer are left."""
FREE_PART = 20
"""One page in so many may be free: the next batches take it."""
WAL_PAGES = 20_000
"""When SQLite itself moves the write-ahead log into the file, should nobody else have done it."""

_SYNCHRONOUS = {Durability.COMMIT: "NORMAL", Durability.FULL: "FULL"}


INSERTS["sqlite"] = insert


# What those who open a database share has a file of its own, 32 KiB; without it nothing can be read.
_NO_ROOM_TO_OPEN = "SQLITE_IOERR_SHMSIZE"


class SqliteDatabase(Database):
    """Lets writers wait for each other: by a lock in the process, by SQLite's own between processes."""

    def __init__(self, engine: Engine, durability: Durability = Durability.COMMIT) -> None:
        super().__init__(engine)
        self.commits_at_once = durability is Durability.COMMIT
        self._writer = SqliteWriter(engine)
        self._readers = SqliteReaders(engine)

    def give_back_room(self, *, is_idle: bool) -> None:
        """Move what was written into the file proper and, when idle, shrink the file by what is free in it.

        Neither is ever needed for an answer. Without it SQLite would move pages inside some request's commit.
        """
        self._readers.close_idle()
        with self._said_as_ours(), self.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").all()
            free, pages = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("freelist_count", "page_count")
            )
        if is_idle and free > max(pages // FREE_PART, FREE_PAGES):
            with self.writing() as connection:
                raw = driver_of(connection)
                for _ in range(FREE_PAGES):
                    # Asked for more, it would still free one: each step of it does, and Python takes but one.
                    raw.execute("PRAGMA incremental_vacuum(1)")

    def size_bytes(self) -> int:
        """Return the size of the file once its write-ahead log is in it."""
        with self.reading() as connection:
            pages, page_bytes = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("page_count", "page_size")
            )
        return int(pages * page_bytes)

    def close(self) -> None:
        """Close all connections; SQLite folds its write-ahead log into the file."""
        self._writer.close()
        self._readers.close()
        super().close()

    def take_turns(self, purpose: str) -> None:
        """Nothing more to do: there is no other writer."""

    def _begun_to_write(self, wait: bool) -> AbstractContextManager[Connection]:
        return self._writer.begun(wait)

    def _commit(self, connection: Connection) -> None:
        self._writer.commit(connection)

    def _begun_to_read(self) -> AbstractContextManager[Connection]:
        return self._readers.begun()

    def _explained(self, fault: BaseException) -> RunyardError | None:
        if "full" in str(fault) or getattr(fault, "sqlite_errorname", "") == _NO_ROOM_TO_OPEN:
            return StorageFull("The disk that holds the database is full; nothing was written.")
        if "locked" in str(fault):
            return TransactionUndone("The database is busy with other changes (locked); nothing was written.")
        if isinstance(fault, sqlite3.OperationalError):
            return Unavailable(f"The database does not answer: {fault}.")
        return None


def open_sqlite(path: Path, durability: Durability = Durability.COMMIT) -> SqliteDatabase:
    """Return the database in the file ``path``, made if need be, with its schema up to date.

    A commit survives the death of the process (WAL); with ``durability`` of ``FULL`` also the loss of power,
    as each waits for the disk.
    """
    database = connect_sqlite(path, durability)
    bring_schema_up_to_date(database)
    return database


def connect_sqlite(path: Path, durability: Durability = Durability.COMMIT) -> SqliteDatabase:
    """Return the database in the file ``path`` as it is, whatever schema it has; an empty one if need be."""
    path.touch(mode=0o600, exist_ok=True)
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": 30, "check_same_thread": False, "isolation_level": None},
        pool_size=16,
        max_overflow=64,
        pool_use_lifo=True,  # each has a page cache of its own, and taken in turn all of them fill theirs
        hide_parameters=True,  # a fault is logged, and what was to be written is not for the log
    )
    event.listen(engine, "connect", partial(_prepare, durability))
    return SqliteDatabase(engine, durability)


def _prepare(durability: Durability, connection: sqlite3.Connection, _record: Any) -> None:
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
    connection.create_function("matched", 3, _matched, deterministic=True)
    aggregate: Any = _Percentile  # typeshed knows only aggregates that end in an int
    connection.create_aggregate("percentile_of", 2, aggregate)


def _lowered(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class _Percentile:
    """PostgreSQL's ``percentile_cont``: between the two nearest values in proportion."""

    def __init__(self) -> None:
        self._values: list[float] = []
        self._percentile = 0.0

    def step(self, value: float | None, percentile: float) -> None:
        self._percentile = percentile
        if value is not None:
            self._values.append(value)

    def finalize(self) -> float | None:
        if not self._values:
            return None
        values = sorted(self._values)
        below, part = divmod(self._percentile / 100 * (len(values) - 1), 1)
        nearest = values[int(below) : int(below) + 2]
        return nearest[0] + part * (nearest[-1] - nearest[0])


def _matched(text: Any, pattern: str, _for_postgres: str) -> bool | None:
    return pattern_of(pattern).is_in(str(text)) if text is not None else None
