"""The database: transactions, threads, faults in words that say what to do, and files as they should be."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, select
from sqlalchemy.exc import IntegrityError

from runyard.errors import StorageFull, Unavailable
from runyard.stores.database import Database, WriterBusy, chunks, insert_if_free, insert_missing, upsert
from runyard.stores.metadata.schema_identity import signing_keys
from runyard.stores.sqlite import SqliteDatabase, connect_sqlite, open_sqlite
from tests.durability.faulty_disk import faulty_disk
from tests.migrated import open_migrated


def row(key_id: str, private_jwk: str = "{}") -> dict[str, object]:
    return {"key_id": key_id, "private_jwk": private_jwk, "created_ms": 1}


def keys_in(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.scalars(select(signing_keys.c.key_id).order_by(signing_keys.c.key_id)))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_migrated(tmp_path / "runyard.db")
    yield database
    database.close()


def test_the_file_is_its_owners_alone(tmp_path):
    open_sqlite(tmp_path / "runyard.db").close()
    assert stat.S_IMODE((tmp_path / "runyard.db").stat().st_mode) == 0o600


def test_every_connection_is_set_up(database):
    with database.reading() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "auto_vacuum")
        }
        assert found == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "auto_vacuum": 2}
        assert connection.exec_driver_sql("SELECT 'a' LIKE 'A'").scalar() == 0
        assert connection.exec_driver_sql("SELECT lower('ÉÇ')").scalar() == "éç"


def test_reads_one_after_the_other_share_a_connection(database):
    """Each has a page cache of its own: taken in turn, all that were ever open at once would fill theirs."""
    for connection in [database.engine.connect() for _ in range(8)]:
        connection.close()
    used = set()
    for _ in range(20):
        with database.reading() as connection:
            used.add(id(connection.connection.driver_connection))
    assert len(used) == 1


def test_closing_folds_the_log_into_the_file(tmp_path):
    database = open_migrated(tmp_path / "runyard.db")
    with database.writing() as connection:
        connection.execute(insert(signing_keys), row("kept"))
    assert (tmp_path / "runyard.db-wal").exists()
    database.close()
    assert [path.name for path in tmp_path.iterdir()] == ["runyard.db"]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_any_error_takes_the_whole_transaction_back(database, error):
    def write_and_fail():
        with database.writing() as connection, database.writing() as same:
            assert same is connection
            same.execute(insert(signing_keys), row("lost"))
            raise error

    with pytest.raises(error):
        write_and_fail()
    assert keys_in(database) == []
    with database.writing() as connection:
        connection.execute(insert(signing_keys), row("next"))
    assert keys_in(database) == ["next"]


def test_reading_within_writing_sees_what_was_written(database):
    with database.writing() as connection:
        connection.execute(insert(signing_keys), row("new"))
        assert keys_in(database) == ["new"]
        with database.reading_together():
            assert keys_in(database) == ["new"]


def test_reading_together_sees_one_state_whatever_others_write(database):
    def write(key_id):
        with database.writing() as connection:
            connection.execute(insert(signing_keys), row(key_id))

    with ThreadPoolExecutor(1) as elsewhere:
        with database.reading_together():
            assert keys_in(database) == []
            elsewhere.submit(write, "meanwhile").result(60)
            assert keys_in(database) == []
        assert keys_in(database) == ["meanwhile"]


def test_a_write_within_a_transaction_that_only_reads_is_refused_instead_of_lost(database):
    with database.reading_together(), pytest.raises(RuntimeError, match="only reads"), database.writing():
        pass
    with database.writing() as connection:
        connection.execute(insert(signing_keys), row("afterwards"))
    assert keys_in(database) == ["afterwards"]


def test_new_connections_wait_for_no_writer(database):
    with ThreadPoolExecutor(20) as readers, database.writing() as connection:
        connection.execute(insert(signing_keys), row("unfinished"))
        reads = [readers.submit(keys_in, database) for _ in range(40)]
        assert [read.result(60) for read in reads] == [[]] * 40


def test_writers_of_two_processes_take_turns(tmp_path, database):
    other = open_migrated(tmp_path / "runyard.db")

    def write(number):
        with (database, other)[number % 2].writing() as connection:
            insert_missing(connection, signing_keys, [row(f"{number:02d}")])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(20)))
    assert len(keys_in(database)) == 20
    other.close()


@pytest.fixture
def impatient(tmp_path: Path, database: Database) -> Iterator[Database]:
    """Return the same database as another process has it that hardly waits for others."""
    arguments = {"timeout": 0.01, "isolation_level": None, "check_same_thread": False}
    impatient = SqliteDatabase(create_engine(f"sqlite:///{tmp_path / 'runyard.db'}", connect_args=arguments))
    yield impatient
    impatient.close()


def test_a_database_that_another_process_holds_is_unavailable(database, impatient):
    with database.writing(), pytest.raises(Unavailable, match="locked"), impatient.writing():
        pass
    with impatient.writing() as connection:
        connection.execute(insert(signing_keys), row("later"))
    assert keys_in(database) == ["later"]


def test_who_meets_another_process_tries_again(database, impatient):
    attempts, may_end, is_held = [], threading.Event(), threading.Event()

    def hold():
        with database.writing():
            is_held.set()
            assert may_end.wait(60)

    def write():
        attempts.append(1)
        if len(attempts) == 3:
            may_end.set()
        with impatient.writing() as connection:
            connection.execute(insert(signing_keys), row("at last"))

    with ThreadPoolExecutor(1) as elsewhere:
        held = elsewhere.submit(hold)
        assert is_held.wait(60)
        impatient.retrying(write)
        held.result(60)
    assert len(attempts) >= 3
    assert keys_in(database) == ["at last"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="sqlite3 tells no names of errors")
def test_a_database_that_a_full_disk_does_not_let_open_is_said_so(tmp_path):
    open_migrated(tmp_path / "runyard.db").close()
    with faulty_disk() as disk, contextlib.closing(connect_sqlite(tmp_path / "runyard.db")) as database:
        disk.fail_at(1, stays=True, is_full=True)
        with pytest.raises(StorageFull, match="nothing was written"):
            keys_in(database)
        disk.heal()


def test_a_full_disk_is_said_to_be_full_and_nothing_is_written(database):
    with database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

    def fill():
        with database.writing() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
            connection.execute(insert(signing_keys), row("large", "x" * 100_000))

    with pytest.raises(StorageFull, match="nothing was written"):
        fill()
    assert keys_in(database) == []


def test_a_broken_rule_of_the_schema_is_no_fault_of_the_disk(database):
    def write_twice():
        with database.writing() as connection:
            connection.execute(insert(signing_keys), [row("same"), row("same")])

    with pytest.raises(IntegrityError):
        write_twice()


def test_a_fault_does_not_show_the_values_of_its_statement(database):
    def write_twice():
        with database.writing() as connection:
            connection.execute(insert(signing_keys), [row("same", "a secret"), row("same", "a secret")])

    with pytest.raises(IntegrityError) as refused:
        write_twice()
    assert "a secret" not in str(refused.value)


def test_upsert_writes_the_named_columns_over(database):
    with database.writing() as connection:
        connection.execute(insert(signing_keys), row("a", "old"))
        upsert(connection, signing_keys, [row("a", "new"), row("b", "new")], ["private_jwk"])
        insert_missing(connection, signing_keys, [row("a", "newer"), row("c", "newer")])
        insert_missing(connection, signing_keys, [])
        assert insert_if_free(connection, signing_keys, row("d", "newest"))
        assert not insert_if_free(connection, signing_keys, row("d", "newer"))
        kept = connection.execute(select(signing_keys).order_by(signing_keys.c.key_id)).all()
        assert [(row.key_id, row.private_jwk) for row in kept] == [
            ("a", "new"),
            ("b", "new"),
            ("c", "newer"),
            ("d", "newest"),
        ]


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (3, [3]), (4, [4]), (9, [4, 4, 1])])
def test_chunks_hold_every_value_once(count, sizes):
    parts = list(chunks(list(range(count)), 4))
    assert [len(part) for part in parts] == sizes
    assert [value for part in parts for value in part] == list(range(count))


def test_a_transaction_belongs_to_its_thread(database):
    began, may_end = threading.Event(), threading.Event()

    def hold():
        with database.writing() as connection:
            connection.execute(insert(signing_keys), row("theirs"))
            began.set()
            assert may_end.wait(60)

    with ThreadPoolExecutor(1) as elsewhere:
        held = elsewhere.submit(hold)
        assert began.wait(60)
        assert keys_in(database) == []
        may_end.set()
        held.result(60)
    assert keys_in(database) == ["theirs"]


def test_what_waits_for_a_commit_is_called_once_after_the_outermost_one(database):
    seen: list[object] = []
    with database.writing():
        with database.writing() as connection:
            connection.execute(insert(signing_keys), row("kept"))
            database.after_commit(lambda: seen.append(keys_in(database)))
            database.after_commit(lambda: seen.append("second"))
        assert seen == []
    assert seen == [["kept"], "second"]
    with database.writing():
        pass
    assert len(seen) == 2


def test_what_waits_for_a_commit_is_dropped_when_there_is_none(database):
    seen = []

    def write_and_fail():
        with database.writing():
            database.after_commit(lambda: seen.append("too early"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with database.writing():
        pass
    assert seen == []


def test_a_fault_after_the_commit_is_logged_and_takes_nothing_back(database, caplog):
    seen = []
    with database.writing() as connection:
        connection.execute(insert(signing_keys), row("kept"))
        database.after_commit(lambda: 1 // 0)
        database.after_commit(lambda: seen.append("the next one"))
    assert keys_in(database) == ["kept"]
    assert seen == ["the next one"]
    assert "ZeroDivisionError" in caplog.text


def test_only_a_write_transaction_can_be_waited_for(database):
    with pytest.raises(RuntimeError, match="no write transaction"):
        database.after_commit(list)
    with database.reading_together(), pytest.raises(RuntimeError, match="no write transaction"):
        database.after_commit(list)


def write_rows(connection, rows):
    connection.execute(insert(signing_keys), rows)


def test_what_a_transaction_gathers_is_written_once_before_its_commit(database):
    seen: list[int] = []

    def write(connection, rows):
        seen.append(len(rows))
        write_rows(connection, rows)

    with database.writing():
        with database.writing():
            database.gather(write, row("a"))
        database.gather(write, row("b"))
        assert seen == []
    assert seen == [2]
    assert keys_in(database) == ["a", "b"]
    with database.writing():
        pass
    assert seen == [2]


def test_who_reads_in_a_transaction_sees_what_it_gathered_unless_told_not_to(database):
    with database.writing():
        database.gather(write_rows, row("a"))
        with database.reading(with_gathered=False) as connection:
            assert connection.scalars(select(signing_keys.c.key_id)).all() == []
        assert keys_in(database) == ["a"]
        database.gather(write_rows, row("b"))
    assert keys_in(database) == ["a", "b"]


def test_what_was_gathered_goes_with_its_transaction(database):
    def gather_and_fail():
        with database.writing():
            database.gather(write_rows, row("a"))
            raise ZeroDivisionError

    def gather_what_cannot_be():
        with database.writing() as connection:
            write_rows(connection, [row("b")])
            database.gather(write_rows, row("b"))

    with pytest.raises(ZeroDivisionError):
        gather_and_fail()
    with pytest.raises(IntegrityError):
        gather_what_cannot_be()
    with database.writing():
        pass
    assert keys_in(database) == []


def test_only_a_write_transaction_gathers(database):
    with pytest.raises(RuntimeError, match="no write transaction"):
        database.gather(write_rows, row("a"))
    with database.reading_together(), pytest.raises(RuntimeError, match="no write transaction"):
        database.gather(write_rows, row("a"))


def test_who_does_not_want_to_wait_for_another_thread_is_told(database):
    began, may_end = threading.Event(), threading.Event()

    def hold():
        with database.writing():
            began.set()
            assert may_end.wait(60)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        assert began.wait(60)
        with pytest.raises(WriterBusy), database.writing(wait=False):
            pass
        may_end.set()
        held.result(60)
    with database.writing(wait=False) as connection:
        connection.execute(insert(signing_keys), row("afterwards"))
    assert keys_in(database) == ["afterwards"]


def test_who_does_not_want_to_wait_for_another_process_is_told(tmp_path, database):
    other = open_migrated(tmp_path / "runyard.db")
    with other.writing(), pytest.raises(WriterBusy), database.writing(wait=False):
        pass
    with database.writing(wait=False) as connection:
        connection.execute(insert(signing_keys), row("afterwards"))
    other.close()
    assert keys_in(database) == ["afterwards"]


def test_a_writer_waits_for_another_process(tmp_path, database):
    other = open_migrated(tmp_path / "runyard.db")
    began = threading.Event()

    def write():
        began.set()
        with database.writing() as connection:
            connection.execute(insert(signing_keys), row("second"))

    with ThreadPoolExecutor(1) as pool:
        with other.writing() as connection:
            written = pool.submit(write)
            assert began.wait(60)
            connection.execute(insert(signing_keys), row("first"))
        written.result(60)
    other.close()
    assert keys_in(database) == ["first", "second"]


def test_what_is_written_past_sqlalchemy_is_committed_and_rolled_back_alike(database):
    statement = "INSERT INTO signing_keys (key_id, private_jwk, created_ms) VALUES (?, '{}', 1)"

    def write(key_id, error=None):
        with database.writing() as connection:
            connection.connection.driver_connection.execute(statement, (key_id,))
            if error:
                raise error

    write("kept")
    with pytest.raises(ZeroDivisionError):
        write("lost", ZeroDivisionError)
    with pytest.raises(sqlite3.IntegrityError):
        write("kept")
    assert keys_in(database) == ["kept"]


def test_what_is_committed_is_seen_by_other_programs_at_once(tmp_path, database):
    with database.writing() as connection:
        connection.execute(insert(signing_keys), row("kept"))
    with contextlib.closing(sqlite3.connect(tmp_path / "runyard.db")) as raw:
        assert raw.execute("SELECT key_id FROM signing_keys").fetchall() == [("kept",)]
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_commit_that_fails_is_in_nobody_s_way(tmp_path):
    with contextlib.closing(open_migrated(tmp_path / "runyard.db")) as database:

        def write() -> None:
            with database.writing() as connection:
                connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
                connection.exec_driver_sql("INSERT INTO tags VALUES (77, 'of no run', '')")

        with pytest.raises(IntegrityError):
            write()
        with database.writing() as connection:
            connection.execute(insert(signing_keys), row("afterwards"))
        assert keys_in(database) == ["afterwards"]
