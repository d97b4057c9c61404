"""The SQL engines that the same tests run on, each with a way to look at the tables past the stores."""

from __future__ import annotations

import contextlib
import sqlite3
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import psycopg

from runyard.stores.database import Database
from runyard.stores.metadata.experiments import SqlExperiments
from runyard.stores.metadata.runs import SqlRuns
from runyard.stores.metadata.workspaces import SqlWorkspaces
from runyard.testing.metadata_hooks import MetadataUnderTest
from tests.migrated import open_migrated
from tests.postgres_server import PostgresServer


def metadata_on(database: Database) -> MetadataUnderTest:
    """Return the stores beside which another one on the same database is tested."""
    return MetadataUnderTest(
        SqlWorkspaces(database),
        SqlExperiments(database),
        SqlRuns(database),
        database.writing,
        database.close,
    )


class SqlEngine(ABC):
    """Databases by the folder that they belong to: the same folder is the same database."""

    name: str

    @abstractmethod
    def open(self, folder: Path) -> Database:
        """Open the database of a folder, which is made with its tables if need be."""

    @abstractmethod
    def rows(self, folder: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement with ``?`` for its values on a connection of its own; return its rows."""

    @abstractmethod
    def setting(self, folder: Path) -> str:
        """Return the setting ``database`` for a server whose home is ``folder``."""

    @abstractmethod
    def close(self) -> None:
        """Give back what the databases took."""


class SqliteEngine(SqlEngine):
    """A file in the folder."""

    name = "sqlite"

    def open(self, folder: Path) -> Database:
        return open_migrated(folder / "runyard.db")

    def rows(self, folder: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(folder / "runyard.db")) as raw, raw:
            return raw.execute(sql, values).fetchall()

    def setting(self, folder: Path) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        self.open(folder).close()
        return ""

    def close(self) -> None:
        pass  # each test has a folder of its own


class PostgresEngine(SqlEngine):
    """A database of the tests' cluster."""

    name = "postgres"

    def __init__(self, cluster: PostgresServer) -> None:
        self.cluster = cluster
        self._names: dict[Path, str] = {}

    def open(self, folder: Path) -> Database:
        return self.cluster.open(self.database(folder))

    def rows(self, folder: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.setting(folder), autocommit=True) as raw:
            cursor = raw.execute(sql.replace("?", "%s").encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def setting(self, folder: Path) -> str:
        return self.cluster.address(self.database(folder))

    def database(self, folder: Path) -> str:
        """Return the name of the folder's database."""
        if folder not in self._names:
            self._names[folder] = self.cluster.take_database()
        return self._names[folder]

    def close(self) -> None:
        for name in self._names.values():
            self.cluster.give_back(name)
        self._names.clear()
