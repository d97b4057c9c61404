"""Changes that are made together on PostgreSQL: when a transaction is begun for them, and when not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from psycopg import IntegrityError
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, insert, select

from runyard.errors import InvalidParameter, NotFound, Unavailable
from runyard.stores.database import TransactionUndone
from runyard.stores.metadata.schema_identity import signing_keys
from runyard.stores.postgres import PostgresDatabase
from runyard.stores.prepared import driver_of
from tests.postgres_server import PostgresServer

ADD = "INSERT INTO signing_keys (key_id, private_jwk, created_ms) SELECT unnest(%s::text[]), '{}', 1"


@pytest.fixture
def database(cluster: PostgresServer, name: str) -> Iterator[PostgresDatabase]:
    database = cluster.open(name)
    yield database
    database.close()


class Written:
    """Writes what was gathered, and notes in what kind of transaction."""

    def __init__(self) -> None:
        self.begun: list[bool] = []

    def write(self, connection: Connection, key_ids: list[Any]) -> None:
        """Add rows by one statement."""
        driver = driver_of(connection)
        self.begun.append(driver.info.transaction_status is TransactionStatus.INTRANS)
        driver.execute(ADD, [key_ids])


def gather(database: PostgresDatabase, written: Written, *key_ids: str) -> None:
    write = written.write
    for key_id in key_ids:
        database.gather(write, key_id)


def add(database: PostgresDatabase, key_id: str) -> None:
    with database.writing() as connection:
        connection.execute(insert(signing_keys), {"key_id": key_id, "private_jwk": "{}", "created_ms": 1})


def kept(database: PostgresDatabase) -> list[str]:
    with database.reading() as connection:
        return sorted(connection.scalars(select(signing_keys.c.key_id)))


def test_what_only_gathers_is_one_statement_without_a_transaction(database):
    written, noted = Written(), []
    with database.together():
        assert database.is_writing
        with database.together():
            gather(database, written, "a", "b")
        database.after_commit(lambda: noted.append(kept(database)))
    assert (written.begun, noted) == ([False], [["a", "b"]])
    assert not database.is_writing


def test_what_also_writes_or_reads_is_one_transaction(database):
    written = Written()
    with database.together():
        gather(database, written, "a")
        add(database, "b")
        gather(database, written, "c")
        assert kept(database) == ["a", "b", "c"]
        gather(database, written, "d")
    assert written.begun == [True, True]
    assert kept(database) == ["a", "b", "c", "d"]


def test_two_kinds_of_rows_are_one_transaction(database):
    written, others = Written(), Written()
    with database.together():
        gather(database, written, "a")
        gather(database, others, "b")
    assert (written.begun, others.begun) == ([True], [True])
    assert kept(database) == ["a", "b"]


@pytest.mark.parametrize("begins", [True, False])
def test_nothing_is_left_of_a_block_that_raises(database, begins):
    written, noted = Written(), []

    def refuse() -> None:
        with database.together():
            database.after_commit(lambda: noted.append(1))
            gather(database, written, "a")
            if begins:
                add(database, "b")
            raise InvalidParameter("no")

    with pytest.raises(InvalidParameter):
        refuse()
    assert (written.begun, noted, kept(database)) == ([], [], [])
    with database.together():
        pass
    assert kept(database) == []


def test_a_block_that_only_reads_takes_no_changes(database):
    with database.reading_together(), pytest.raises(RuntimeError, match="only reads"), database.together():
        pass


def test_a_connection_that_was_lost_is_replaced(cluster, name, database):
    written = Written()
    with database.together():
        gather(database, written, "a")
    cluster.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def again() -> None:
        with database.together():
            gather(database, written, "b")

    with pytest.raises(TransactionUndone):
        again()
    database.retrying(again)
    assert kept(database) == ["a", "b"]


def test_a_refused_statement_costs_no_connection(database):
    used = []

    def write(connection: Connection, items: list[Any]) -> None:
        driver = driver_of(connection)
        used.append(driver.info.backend_pid)
        if items == ["absent"]:
            raise NotFound("no")
        if items == ["taken"]:
            driver.execute(ADD, [["taken", "taken"]])

    for item, error in (("a", None), ("absent", NotFound), ("taken", IntegrityError), ("b", None)):
        with contextlib.nullcontext() if error is None else pytest.raises(error), database.together():
            database.gather(write, item)
    assert len(used) == 4
    assert len(set(used)) == 1


def test_the_only_connection_is_kept_for_nobody(cluster, name, database):
    written = Written()
    database.close()
    single = cluster.open(name, connections=1)
    try:
        with single.together():
            gather(single, written, "a")
        assert kept(single) == ["a"]
    finally:
        single.close()


def test_who_finds_all_connections_in_use_is_told_so(cluster, name, database, monkeypatch):
    monkeypatch.setattr("runyard.stores.postgres.WAIT_FOR_A_CONNECTION_S", 0)
    single = cluster.open(name, connections=1)
    try:
        with single.engine.connect(), pytest.raises(Unavailable, match="in use"), single.together():
            gather(single, Written(), "a")
    finally:
        single.close()


def test_what_is_read_once_needs_no_transaction(database):
    add(database, "a")
    count = "SELECT count(*) FROM signing_keys"
    with database.reading_once() as connection:
        assert connection.exec_driver_sql(count).scalar() == 1
        assert driver_of(connection).info.transaction_status is TransactionStatus.IDLE
    with database.reading_together(), database.reading_once() as connection:
        assert connection.exec_driver_sql(count).scalar() == 1
        add_beside(database, "b")
        assert connection.exec_driver_sql(count).scalar() == 1  # the state of the whole block
        assert driver_of(connection).info.transaction_status is TransactionStatus.INTRANS
    with database.writing():
        add(database, "c")
        with database.reading_once() as connection:
            assert connection.exec_driver_sql(count).scalar() == 3  # what this thread writes is seen


def add_beside(database: PostgresDatabase, key_id: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(add, database, key_id).result(60)
