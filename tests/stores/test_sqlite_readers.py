"""The connections that read a SQLite file: used again at once, and closed when nobody needs them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from runyard.stores.prepared import driver_of
from runyard.stores.sqlite_readers import SqliteReaders

COUNT = text("SELECT count(*) FROM things")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    arguments = {"isolation_level": None, "check_same_thread": False}
    engine = create_engine(f"sqlite:///{tmp_path / 'things.db'}", connect_args=arguments)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("CREATE TABLE things (name TEXT)")
    yield engine
    engine.dispose()


@pytest.fixture
def readers(engine: Engine) -> Iterator[SqliteReaders]:
    readers = SqliteReaders(engine)
    yield readers
    readers.close()


def add(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO things VALUES ('a')")


def test_the_last_connection_is_the_next_and_sees_what_was_written_meanwhile(engine, readers):
    with readers.begun() as first:
        driver = driver_of(first)
        assert first.scalar(COUNT) == 0
        add(engine)
        assert first.scalar(COUNT) == 0  # one state
    with readers.begun() as second:
        assert driver_of(second) is driver
        assert second.scalar(COUNT) == 1


def test_who_reads_beside_another_has_a_connection_of_their_own(readers):
    with readers.begun() as one, readers.begun() as other:
        assert driver_of(one) is not driver_of(other)
    assert readers.idle_count == 2


def test_an_error_of_the_reader_leaves_a_good_connection(engine, readers):
    def read_and_fail():
        with readers.begun() as connection:
            connection.scalar(COUNT)
            raise LookupError

    with pytest.raises(LookupError):
        read_and_fail()
    add(engine)
    with readers.begun() as connection:
        assert connection.scalar(COUNT) == 1
    assert readers.idle_count == 1


def test_a_connection_that_can_not_be_rolled_back_is_not_used_again(readers):
    with pytest.raises(sqlite3.ProgrammingError), readers.begun() as connection:
        driver_of(connection).close()
    assert readers.idle_count == 0
    with readers.begun() as connection:
        assert connection.scalar(COUNT) == 0


def test_idle_connections_are_closed_for_good(readers):
    with readers.begun() as one, readers.begun() as other:
        drivers = [driver_of(one), driver_of(other)]
    readers.close_idle(3600)
    assert readers.idle_count == 2
    readers.close_idle(0)
    assert readers.idle_count == 0
    for driver in drivers:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            driver.execute("SELECT 1")


def test_a_connection_in_use_is_closed_at_the_end_of_its_use(readers):
    with readers.begun() as connection:
        driver = driver_of(connection)
        readers.close()
        assert connection.scalar(COUNT) == 0
    assert readers.idle_count == 0
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        driver.execute("SELECT 1")
