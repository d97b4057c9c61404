"""Stores of what providers of identities call their sessions against their rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.entities.credential import ApiKey
from runyard.entities.permission import Scope
from runyard.stores.database import Database
from runyard.stores.metadata.base_provider_sessions import ProviderSessionStore
from runyard.stores.metadata.credentials import SqlCredentials
from runyard.stores.metadata.provider_sessions import SqlProviderSessions
from runyard.testing.provider_session_rules import ANN, KEYS, ProviderSessionStoreRules
from tests.engines import SqlEngine


class TestSqlProviderSessions(ProviderSessionStoreRules):
    @pytest.fixture(name="database")
    def _database(self, tmp_path: Path, engine: SqlEngine) -> Iterator[Database]:
        database = engine.open(tmp_path)
        yield database
        database.close()

    @pytest.fixture
    def sessions(self, database: Database) -> ProviderSessionStore:
        self.opened = database
        credentials = SqlCredentials(database)
        credentials.add_principal(ANN)
        for key_id in KEYS:
            credentials.add_api_key(ApiKey(key_id, "p-ann", "browser", "0" * 64, Scope.ADMIN, 1000))
        return SqlProviderSessions(database)

    def again(self) -> ProviderSessionStore:
        return SqlProviderSessions(self.opened)
