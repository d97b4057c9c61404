"""Stores of quotas against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.experiments import SqlExperiments
from runyard.stores.metadata.quotas import SqlQuotas
from runyard.stores.metadata.runs import SqlRuns
from runyard.stores.metadata.usage import SqlUsage
from runyard.stores.metadata.workspaces import SqlWorkspaces
from runyard.testing.metadata_hooks import MetadataUnderTest
from runyard.testing.quota_rules import QuotaStoreRules, QuotasUnderTest
from tests.engines import SqlEngine


class TestSqlQuotas(QuotaStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_quotas(self, folder: Path) -> QuotasUnderTest:
        database = self.engine.open(folder)
        metadata = MetadataUnderTest(
            SqlWorkspaces(database),
            SqlExperiments(database),
            SqlRuns(database),
            database.writing,
            database.close,
        )
        return QuotasUnderTest(SqlQuotas(database), SqlUsage(database), metadata)
