"""Stores of retention rules against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.retention import SqlRetentionRules
from runyard.testing.retention_rules import RetentionRuleStoreRules, RetentionUnderTest
from tests.engines import SqlEngine, metadata_on


class TestSqlRetentionRules(RetentionRuleStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_rules(self, folder: Path) -> RetentionUnderTest:
        database = self.engine.open(folder)
        metadata = metadata_on(database)
        return RetentionUnderTest(SqlRetentionRules(database), metadata)
