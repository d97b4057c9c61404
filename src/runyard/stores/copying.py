"""One state of a database as a file, while those who write to it go on, and a database of such a file."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, func, inspect, select
from sqlalchemy.exc import OperationalError

from runyard.errors import InvalidState, StorageFull, Unavailable
from runyard.stores.database import Database
from runyard.stores.metadata.schema import experiments, runs, workspaces
from runyard.stores.schema_version import version_of
from runyard.stores.sqlite import SqliteDatabase

LOOK_EVERY_S = 0.2

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy of a database holds: its schema, and how many rows of what people count."""

    schema: str
    rows: dict[str, int]


def engine_of(database: Database) -> str:
    """Return the name of a database's engine: one can't read the copies of the other."""
    return database.engine.dialect.name


def copy_database(database: Database, file: Path, on_progress: Progress) -> Copied:
    """Write the database as it is now into ``file``, without the room that deleted rows left.

    Args:
        database: A server may be at work on it.
        file: A new file.
        on_progress: Called with the bytes that are written, and about how many there will be.

    Raises:
        InvalidState: PostgreSQL's own programs are missing, or can't do it.
        StorageFull: There is no room for it.
        Unavailable: SQLite can't do it.
    """
    if isinstance(database, SqliteDatabase):
        return _copy_sqlite(database, file, on_progress)
    with database.reading() as connection, _watched(file, 0, on_progress):
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        copied = _described(connection)
        # The program sees the state that was counted, and no other.
        snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
        _run("pg_dump", database, ["--format=custom", f"--snapshot={snapshot}", f"--file={file}"])
    return copied


def put_back(file: Path, database: Database) -> None:
    """Make an empty database what ``file`` holds, all of it or nothing.

    Raises:
        InvalidState: PostgreSQL's own programs are missing, or can't do it.
    """
    if not isinstance(database, SqliteDatabase):
        _run("pg_restore", database, ["--single-transaction", "--exit-on-error", str(file)])
        return
    database.close()
    target = Path(database.engine.url.database or "")
    incoming = target.with_suffix(".restoring")
    shutil.copyfile(file, incoming)
    incoming.chmod(0o600)
    os.sync()
    incoming.replace(target)


def is_empty(database: Database) -> bool:
    """Whether a database holds no tables at all."""
    with database.reading() as connection:
        return not inspect(connection).get_table_names()


def _copy_sqlite(database: SqliteDatabase, file: Path, on_progress: Progress) -> Copied:
    with database.engine.connect() as connection:
        pages, free, page_size = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("page_count", "freelist_count", "page_size")
        )
        connection.rollback()
        with _watched(file, (pages - free) * page_size, on_progress):
            try:
                connection.exec_driver_sql("VACUUM INTO ?", (str(file),))
            except OperationalError as error:
                if "full" in str(error.orig):
                    raise StorageFull(f"There is not room enough for {file}.") from None
                raise Unavailable(f"{file} can't be written: {error.orig}.") from None
    engine = create_engine("sqlite://", creator=lambda: _only_read(file))
    try:
        with engine.connect() as copy:
            return _described(copy)
    finally:
        engine.dispose()


def _described(connection: Connection) -> Copied:
    counted = {
        table.name: connection.scalar(select(func.count()).select_from(table)) or 0
        for table in (workspaces, experiments, runs)
    }
    return Copied(version_of(connection) or "", counted)


def _only_read(file: Path) -> sqlite3.Connection:
    """A connection that leaves no file of its own beside the copy."""
    return sqlite3.connect(f"file:{quote(str(file))}?mode=ro&immutable=1", uri=True)


def _run(program: str, database: Database, arguments: Sequence[str]) -> None:
    """Run one of PostgreSQL's programs on a database, its password in no list of processes."""
    url = database.engine.url.set(drivername="postgresql")
    environment = dict(os.environ)
    if url.password is not None:
        environment["PGPASSWORD"] = url.password
    address = url._replace(password=None).render_as_string(hide_password=False)
    command = [program, "--no-password", "--no-owner", "--no-privileges", f"--dbname={address}", *arguments]
    try:
        ended = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise InvalidState(f"{program} was not found. Install PostgreSQL's client programs.") from None
    if ended.returncode:
        said = " ".join(ended.stderr.split())[-500:]
        raise InvalidState(f"{program} could not do it: {said}")


@contextlib.contextmanager
def _watched(file: Path, expected: int, on_progress: Progress) -> Iterator[None]:
    """Report how far a file has grown while the block is waiting for another to fill it."""
    is_done = threading.Event()

    def look() -> None:
        while not is_done.wait(LOOK_EVERY_S):
            with contextlib.suppress(FileNotFoundError):
                on_progress(min(file.stat().st_size, expected), expected)

    watcher = threading.Thread(target=look, name="backup-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_done.set()
        watcher.join()
    on_progress(expected, expected)
