"""Migrations on PostgreSQL: several servers that start at once, failures in the middle, newer databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from runyard.errors import InvalidState
from runyard.stores import schema_version
from runyard.stores.metadata.all_tables import tables
from tests.postgres_server import PostgresServer
from tests.stores.test_migrations import second_migration

__all__ = ["second_migration"]

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
VERSION = "SELECT version_num FROM alembic_version"


@pytest.fixture
def name(cluster: PostgresServer) -> Iterator[str]:
    """A new database without tables."""
    name = cluster.new_database()
    yield name
    cluster.drop(name)


def open_at_once(cluster: PostgresServer, name: str, count: int) -> None:
    together = Barrier(count)

    def open_it(_number: int) -> None:
        together.wait(60)
        cluster.open(name, 1).close()

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(open_it, range(count)))


def test_r09_openers_that_come_at_once_make_one_schema(cluster, name):
    open_at_once(cluster, name, 5)
    made = [table for (table,) in cluster.execute(TABLES, name)]
    assert made == sorted(["alembic_version", *tables.tables])
    assert cluster.execute(VERSION, name) == [(schema_version.known_versions()[-1],)]


def test_r09_an_older_database_gets_what_it_lacks_once(cluster, name, second_migration):
    cluster.open(name, 1).close()
    second_migration()
    open_at_once(cluster, name, 3)
    assert cluster.execute(VERSION, name) == [(schema_version.known_versions()[-1],)]
    assert cluster.execute("SELECT n FROM second", name) == [(1,)]


def test_a_migration_that_fails_leaves_the_database_as_it_was(cluster, name, second_migration):
    cluster.open(name, 1).close()
    before = cluster.execute(VERSION, name)
    second_migration("raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        cluster.open(name, 1)
    assert cluster.execute(VERSION, name) == before
    assert ("second",) not in cluster.execute(TABLES, name)


def test_a_database_of_a_newer_version_is_refused_and_left_alone(cluster, name):
    cluster.open(name, 1).close()
    cluster.execute("UPDATE alembic_version SET version_num = '9999'", name)
    with pytest.raises(InvalidState, match="schema 9999, which this version of Runyard does not know"):
        cluster.open(name, 1)
    assert cluster.execute(VERSION, name) == [("9999",)]
