"""Stores of quotas against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.quotas import SqlQuotas
from runyard.stores.metadata.usage import SqlUsage
from runyard.testing.quota_rules import QuotaStoreRules, QuotasUnderTest
from tests.engines import SqlEngine, metadata_on


class TestSqlQuotas(QuotaStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_quotas(self, folder: Path) -> QuotasUnderTest:
        database = self.engine.open(folder)
        metadata = metadata_on(database)
        return QuotasUnderTest(SqlQuotas(database), SqlUsage(database), metadata)
