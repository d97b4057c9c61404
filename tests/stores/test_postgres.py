"""PostgreSQL: its settings, its faults in words that say what to do, connections that are lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Event
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert, select, update

from runyard.errors import InvalidParameter, InvalidState, StorageFull, Unavailable
from runyard.settings import Settings
from runyard.stores import database as contract
from runyard.stores.database import TransactionUndone
from runyard.stores.metadata.experiments import SqlExperiments
from runyard.stores.metadata.runs import SqlRuns
from runyard.stores.metadata.schema_identity import signing_keys
from runyard.stores.opening import open_stores
from runyard.stores.postgres import PostgresDatabase, connect_postgres, open_postgres
from runyard.testing.metadata_hooks import new_run
from tests.postgres_server import ASKED, KEPT_OUT, OWNER, PostgresServer
from tests.stores.test_metrics import insert_run


def row(key_id: str, private_jwk: str = "{}") -> dict[str, object]:
    return {"key_id": key_id, "private_jwk": private_jwk, "created_ms": 1}


def keys_in(database: PostgresDatabase) -> list[str]:
    with database.reading() as connection:
        return list(connection.scalars(select(signing_keys.c.key_id).order_by(signing_keys.c.key_id)))


def add(database: PostgresDatabase, key_id: str) -> None:
    with database.writing() as connection:
        connection.execute(insert(signing_keys), row(key_id))


@pytest.fixture
def database(cluster: PostgresServer, name: str) -> Iterator[PostgresDatabase]:
    database = cluster.open(name, 4)
    yield database
    database.close()


def hang_up(cluster: PostgresServer, name: str) -> None:
    cluster.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


def test_a_commit_waits_for_the_disk_whatever_the_server_was_told(cluster, name):
    cluster.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    try:
        database = cluster.open(name, 1)
        with database.reading() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        database.close()
    finally:
        cluster.execute(f"ALTER DATABASE {name} RESET synchronous_commit")


def test_a_run_begins_in_three_statements_and_a_commit(database, monkeypatch):
    insert_run(database, "other")
    asked: list[str] = []
    execute = psycopg.Cursor.execute

    def noted(cursor: psycopg.Cursor[Any], query: Any, *values: Any, **options: Any) -> Any:
        asked.append(str(query).split()[0])
        return execute(cursor, query, *values, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", noted)
    with database.writing():
        experiment = SqlExperiments(database).get_experiment("w", "1")
        SqlRuns(database).add_run(new_run(experiment), {"a": "1", "b": ""})
    assert asked == ["BEGIN", "SELECT", "WITH"]
    assert SqlRuns(database).read_contents(["a" * 32])["a" * 32].tags == {"a": "1", "b": ""}


def test_a_transaction_that_reads_can_not_write(database):
    with (
        pytest.raises(Exception, match="read-only transaction"),
        database.reading() as connection,
    ):
        connection.execute(insert(signing_keys), row("a"))


def test_lost_connections_are_replaced_and_the_work_is_done_again(cluster, name, database):
    barrier = Barrier(4)

    def take_a_connection(_number: int) -> None:
        with database.reading():
            barrier.wait(60)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(take_a_connection, range(4)))
    hang_up(cluster, name)
    database.retrying(lambda: add(database, "a"))
    assert database.retrying(lambda: keys_in(database)) == ["a"]


def test_a_connection_that_is_lost_in_the_middle_takes_its_transaction_with_it(cluster, name, database):
    tries: list[int] = []

    def write() -> None:
        with database.writing() as connection:
            connection.execute(insert(signing_keys), row(f"try-{len(tries)}"))
            tries.append(1)
            if len(tries) == 1:
                hang_up(cluster, name)
                connection.execute(select(signing_keys.c.key_id))

    database.retrying(write)
    assert keys_in(database) == ["try-1"]


def test_a_connection_that_is_lost_in_the_commit_is_not_tried_again(cluster, name, database):
    tries: list[int] = []

    def write() -> None:
        with database.writing() as connection:
            connection.execute(insert(signing_keys), row(f"try-{len(tries)}"))
            tries.append(1)
            hang_up(cluster, name)

    with pytest.raises(Unavailable, match="whether this was written is not known"):
        database.retrying(write)
    assert len(tries) == 1


def test_writers_who_wait_in_a_circle_both_get_through(database):
    for key_id in "ab":
        add(database, key_id)
    both_hold = Barrier(2)
    waited: list[str] = []

    def write(first: str, second: str) -> None:
        with database.writing() as connection:
            for key_id in (first, second):
                changed = update(signing_keys).where(signing_keys.c.key_id == key_id)
                connection.execute(changed.values(created_ms=signing_keys.c.created_ms + 1))
                if key_id == first and len(waited) < 2:
                    waited.append(key_id)
                    both_hold.wait(60)

    with ThreadPoolExecutor(2) as pool:
        orders = [partial(write, "a", "b"), partial(write, "b", "a")]
        for done in [pool.submit(database.retrying, order) for order in orders]:
            done.result(60)
    with database.reading() as connection:
        assert list(connection.scalars(select(signing_keys.c.created_ms))) == [3, 3]


def test_who_waits_too_long_gives_up(database, monkeypatch):
    monkeypatch.setattr(contract, "PATIENCE_S", 0.5)
    add(database, "a")
    held, may_end = Event(), Event()

    def hold() -> None:
        with database.writing() as connection:
            connection.execute(update(signing_keys).values(created_ms=5))
            held.set()
            may_end.wait(60)

    def change() -> None:
        with database.writing() as connection:
            connection.execute(update(signing_keys).values(created_ms=6))

    with ThreadPoolExecutor(1) as elsewhere:
        holding = elsewhere.submit(hold)
        assert held.wait(60)
        with pytest.raises(TransactionUndone, match="busy with other changes"):
            database.retrying(change)
        may_end.set()
        holding.result(60)


def test_when_all_connections_are_taken_the_next_one_is_told(cluster, name, monkeypatch):
    monkeypatch.setattr("runyard.stores.postgres.WAIT_FOR_A_CONNECTION_S", 0.1)
    database = cluster.open(name, 1)
    with ThreadPoolExecutor(1) as elsewhere, database.reading():
        refused = elsewhere.submit(keys_in, database).exception(60)
    assert isinstance(refused, Unavailable)
    assert "All connections" in str(refused)
    database.close()


def test_a_connection_that_is_one_too_many_for_the_database_is_waited_for(cluster, name, monkeypatch):
    cluster.execute("CREATE ROLE single LOGIN CONNECTION LIMIT 1")
    database = connect_postgres(cluster.address(name, "single"), 2)
    try:
        with database.reading(), ThreadPoolExecutor(1) as pool:
            monkeypatch.setattr(contract, "PATIENCE_S", 0.1)
            waiting = pool.submit(database.retrying, partial(keys_in, database))
            with pytest.raises(TransactionUndone, match="takes no more connections"):
                waiting.result()
    finally:
        database.close()
        cluster.execute("DROP ROLE single")


def test_after_a_refused_row_the_next_transaction_is_as_new(database):
    add(database, "a")
    with pytest.raises(Exception, match="duplicate key"):
        add(database, "a")
    add(database, "b")
    assert keys_in(database) == ["a", "b"]


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("53100", StorageFull),
        ("40001", TransactionUndone),
        ("40P01", TransactionUndone),
        ("57P01", TransactionUndone),
        ("53300", TransactionUndone),
        ("54000", InvalidParameter),
    ],
)
def test_a_fault_is_said_in_words_that_say_what_to_do(database, state, error):
    def fail() -> None:
        with database.writing() as connection:
            connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$")

    with pytest.raises(error) as raised:
        fail()
    assert type(raised.value) is error
    assert keys_in(database) == []


def test_names_that_are_too_long_for_an_index_and_nul_are_refused(database):
    with pytest.raises(InvalidParameter, match="too long to be found again"):
        add(database, "".join(chr(0x10000 + number * 7) for number in range(3000)))
    with pytest.raises(InvalidParameter, match="NUL"):
        add(database, "a\0")


def test_a_database_in_another_encoding_is_refused(cluster):
    cluster.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        with pytest.raises(InvalidState, match="keeps text as LATIN1"):
            cluster.open("latin", 1)
    finally:
        cluster.drop("latin")


@pytest.mark.parametrize(
    "address",
    ["postgresql://u:hidden@host:port/d", "postgresql:hidden", "mysql://u:hidden@host/d", "hidden"],
)
def test_an_address_that_can_not_be_read_is_refused_without_its_password(tmp_path, address):
    with pytest.raises(InvalidParameter, match=r"postgresql://user@host/name") as refused:
        open_stores(address, tmp_path)
    assert "hidden" not in str(refused.value)


def test_a_database_that_does_not_answer_is_said_so_without_its_password(monkeypatch, tmp_path):
    monkeypatch.setattr(contract, "PATIENCE_S", 0.1)
    with pytest.raises(Unavailable, match="The database does not answer") as refused:
        open_postgres(f"postgresql://u:hidden@/d?host={tmp_path}", 1)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("database", "user", "said"),
    [
        ("postgres", ASKED, "password authentication failed.*PGPASSWORD"),
        ("postgres", "unheard_of", "role .unheard_of. does not exist.*CREATE ROLE"),
        ("postgres", KEPT_OUT, "pg_hba.conf rejects.*pg_hba.conf of"),
        ("nowhere", OWNER, "database .nowhere. does not exist.*CREATE DATABASE"),
    ],
)
def test_who_is_not_let_in_is_told_at_once_what_to_do(cluster, monkeypatch, database, user, said):
    def asked_again(*_):
        raise AssertionError("asking again changes nothing")

    monkeypatch.setattr("time.sleep", asked_again)
    cluster.execute(f"DROP ROLE IF EXISTS {ASKED}")
    cluster.execute(f"CREATE ROLE {ASKED} LOGIN PASSWORD 'another'")
    with pytest.raises(InvalidState, match=f"(?s){said}") as refused:
        open_postgres(cluster.address(database, user), 1)
    assert "not-to-be-shown" not in str(refused.value)


def test_the_password_is_not_shown():
    settings = Settings(database="postgresql://u:hidden@db.example:5433/d?password=hidden")
    assert settings.database_shown == "postgresql://u@db.example:5433/d"
    assert "hidden" not in repr(settings)
