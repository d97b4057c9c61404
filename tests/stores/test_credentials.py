"""Credential stores against their rules, and what they leave on the disk."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.auth.api_keys import new_api_key
from runyard.entities.credential import ApiKey, SigningKey
from runyard.entities.permission import Scope
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.database import Database
from runyard.stores.metadata.base_credentials import CredentialStore
from runyard.stores.metadata.cached_credentials import MAX_AGE_S, MAX_ENTRIES, CachedCredentials
from runyard.stores.metadata.credentials import SqlCredentials
from runyard.stores.metadata.schema import workspaces
from runyard.stores.sqlite import open_sqlite
from runyard.testing.credential_rules import ANN, KEY, CredentialStoreRules
from tests.engines import SqlEngine


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def database(tmp_path: Path, engine: SqlEngine) -> Iterator[Database]:
    database = engine.open(tmp_path)
    yield database
    database.close()


class OnSql(CredentialStoreRules):
    @pytest.fixture
    def workspace(self, database: Database) -> str:
        with database.writing() as connection:
            row = {"name": "vision", "default_experiment_id": 1, "created_ms": 0, "description": ""}
            connection.execute(workspaces.insert().values(row))
        return "vision"


class TestSqlCredentials(OnSql):
    @pytest.fixture
    def credentials(self, database: Database) -> CredentialStore:
        self.database = database
        return SqlCredentials(database)

    def again(self, credentials: CredentialStore) -> CredentialStore:
        return SqlCredentials(self.database)


class TestCachedCredentials(OnSql):
    @pytest.fixture
    def credentials(self, database: Database) -> CredentialStore:
        self.database = database
        return CachedCredentials(SqlCredentials(database), Clock())

    def again(self, credentials: CredentialStore) -> CredentialStore:
        return CachedCredentials(SqlCredentials(self.database), Clock())


def test_the_secret_of_an_api_key_never_reaches_the_disk(tmp_path):
    database = open_sqlite(tmp_path / "runyard.db")
    key = new_api_key()
    credentials = SqlCredentials(database)
    credentials.add_principal(ANN)
    credentials.add_api_key(ApiKey(key.key_id, "p-ann", "laptop", key.secret_sha256, Scope.ADMIN, 1000))
    database.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert key.secret_sha256.encode() in kept
    assert key.secret.encode() not in kept


def test_what_is_kept_reads_the_same_without_the_store(tmp_path):
    database = open_sqlite(tmp_path / "runyard.db")
    SqlCredentials(database).add_principal(ANN)
    SqlCredentials(database).add_signing_key(SigningKey("k", "{}", 5))
    server_id = SqlCredentials(database).server_id()
    database.close()
    with sqlite3.connect(tmp_path / "runyard.db") as raw:
        assert raw.execute("SELECT principal_id, name, is_administrator FROM principals").fetchall() == [
            ("p-ann", "ann", 1)
        ]
        assert raw.execute("SELECT key_id, retired_ms FROM signing_keys").fetchall() == [("k", None)]
        assert raw.execute("SELECT server_id FROM installation").fetchall() == [(server_id,)]
    raw.close()


def test_a_failed_change_takes_all_of_its_transaction_with_it(database):
    credentials = SqlCredentials(database)

    def add_and_fail():
        with database.writing():
            credentials.add_principal(ANN)
            credentials.revoke_api_key("ffffffffffff", 1)

    with pytest.raises(NotFound):
        add_and_fail()
    assert credentials.list_principals() == []


@pytest.mark.parametrize("kind", ["key", "principal"])
def test_s12_a_revocation_by_another_process_is_seen_within_a_second(database, kind):
    clock = Clock()
    here, elsewhere = CachedCredentials(SqlCredentials(database), clock), SqlCredentials(database)
    elsewhere.add_principal(ANN)
    elsewhere.add_api_key(KEY)
    assert here.find_api_key(KEY.key_id) == KEY
    assert here.find_principal("p-ann") == ANN
    if kind == "key":
        elsewhere.revoke_api_key(KEY.key_id, 5000)
    else:
        elsewhere.update_principal(dataclasses.replace(ANN, disabled_ms=5000))
    clock.now_s += MAX_AGE_S
    assert here.find_api_key(KEY.key_id) == elsewhere.find_api_key(KEY.key_id)
    assert here.find_principal("p-ann") == elsewhere.find_principal("p-ann")
    assert MAX_AGE_S < 1


def test_a_repeated_question_within_half_a_second_asks_the_database_once(database):
    asked = []

    class Counting(SqlCredentials):
        def find_api_key(self, key_id):
            asked.append(key_id)
            return super().find_api_key(key_id)

    credentials = CachedCredentials(Counting(database), Clock())
    credentials.add_principal(ANN)
    credentials.add_api_key(KEY)
    for _ in range(5):
        assert credentials.find_api_key(KEY.key_id) == KEY
    assert asked == [KEY.key_id]


def test_a_read_that_a_revocation_overtakes_is_not_remembered(database):
    class Overtaken(SqlCredentials):
        def find_api_key(self, key_id):
            found = super().find_api_key(key_id)
            if found is not None and found.revoked_ms is None:
                credentials.revoke_api_key(key_id, 5000)
            return found

    credentials = CachedCredentials(Overtaken(database), Clock())
    credentials.add_principal(ANN)
    credentials.add_api_key(KEY)
    assert credentials.find_api_key(KEY.key_id) == KEY
    assert credentials.find_api_key(KEY.key_id) == dataclasses.replace(KEY, revoked_ms=5000)


def test_a_stranger_who_tries_ids_fills_no_memory(database):
    credentials = CachedCredentials(SqlCredentials(database), Clock())
    for number in range(50):
        assert credentials.find_api_key(f"{number:012x}") is None
    assert not credentials._found


def test_memory_of_many_keys_is_bounded(database):
    class Everything(SqlCredentials):
        def find_principal(self, principal_id):
            return ANN

    credentials = CachedCredentials(Everything(database), Clock())
    for number in range(MAX_ENTRIES + 10):
        credentials.find_principal(str(number))
    assert len(credentials._found) <= MAX_ENTRIES


def test_a_second_principal_of_a_name_is_refused_without_the_drivers_words(database):
    credentials = SqlCredentials(database)
    credentials.add_principal(ANN)
    with pytest.raises(AlreadyExists, match=r"^A principal named 'ann' already exists\.$") as refused:
        credentials.add_principal(ANN)
    assert refused.value.__cause__ is None
