"""One state of a database as a file, while those who write to it go on."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, func, select

from runyard.stores.database import Database
from runyard.stores.metadata.schema import experiments, runs, workspaces
from runyard.stores.schema_version import version_of

LOOK_EVERY_S = 0.2

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy of a database holds: its schema, and how many rows of what people count."""

    schema: str
    rows: dict[str, int]


def copy_database(database: Database, file: Path, on_progress: Progress) -> Copied:
    """Write the database as it is now into ``file``, without the room that deleted rows left.

    Args:
        database: A server may be at work on it.
        file: A new file.
        on_progress: Called with the bytes that are written, and about how many there will be.
    """
    with database.engine.connect() as connection:
        driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        pages, free, page_size = (
            driver.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        with _watched(file, (pages - free) * page_size, on_progress):
            driver.execute("VACUUM INTO ?", (str(file),))
    file.chmod(0o600)
    with contextlib.closing(create_engine("sqlite://", creator=lambda: _only_read(file)).connect()) as copy:
        return _described(copy)


def _described(connection: Connection) -> Copied:
    counted = {
        table.name: connection.scalar(select(func.count()).select_from(table)) or 0
        for table in (workspaces, experiments, runs)
    }
    return Copied(version_of(connection) or "", counted)


def _only_read(file: Path) -> sqlite3.Connection:
    """A connection that leaves no file of its own beside the copy."""
    return sqlite3.connect(f"file:{quote(str(file))}?mode=ro&immutable=1", uri=True)


@contextlib.contextmanager
def _watched(file: Path, expected: int, on_progress: Progress) -> Iterator[None]:
    """Report how far a file has grown while the block is waiting for SQLite to fill it."""
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
