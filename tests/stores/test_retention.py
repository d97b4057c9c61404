"""Stores of retention rules against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.experiments import SqlExperiments
from runyard.stores.metadata.retention import SqlRetentionRules
from runyard.stores.metadata.runs import SqlRuns
from runyard.stores.metadata.workspaces import SqlWorkspaces
from runyard.testing.metadata_hooks import MetadataUnderTest
from runyard.testing.retention_rules import RetentionRuleStoreRules, RetentionUnderTest
from tests.engines import SqlEngine


class TestSqlRetentionRules(RetentionRuleStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_rules(self, folder: Path) -> RetentionUnderTest:
        database = self.engine.open(folder)
        metadata = MetadataUnderTest(
            SqlWorkspaces(database),
            SqlExperiments(database),
            SqlRuns(database),
            database.writing,
            database.close,
        )
        return RetentionUnderTest(SqlRetentionRules(database), metadata)
