"""Stores of secrets against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.secrets import SqlSecrets
from runyard.testing.secret_rules import SecretStoreRules, SecretsUnderTest
from tests.engines import SqlEngine, metadata_on


class TestSqlSecrets(SecretStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_secrets(self, folder: Path) -> SecretsUnderTest:
        database = self.engine.open(folder)
        metadata = metadata_on(database)
        return SecretsUnderTest(SqlSecrets(database), metadata)
