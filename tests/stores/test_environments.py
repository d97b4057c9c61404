"""Stores of environments against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.environments import SqlEnvironments
from runyard.testing.environment_rules import EnvironmentStoreRules, EnvironmentsUnderTest
from tests.engines import SqlEngine, metadata_on


class TestSqlEnvironments(EnvironmentStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_environments(self, folder: Path) -> EnvironmentsUnderTest:
        database = self.engine.open(folder)
        return EnvironmentsUnderTest(SqlEnvironments(database), metadata_on(database))
