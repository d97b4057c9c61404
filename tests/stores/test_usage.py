"""Stores of usage against their rules, and what is counted beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.entities.metric import MetricBatch
from runyard.stores.metadata.usage import SqlUsage
from runyard.stores.metrics.sql import SqlMetrics
from runyard.stores.metrics.upkeep import MetricUpkeep
from runyard.testing.metadata_hooks import OTHER_WORKSPACE, WORKSPACE
from runyard.testing.usage_rules import UsageStoreRules, UsageUnderTest
from tests.engines import SqlEngine, metadata_on


class TestSqlUsage(UsageStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_usage(self, folder: Path) -> UsageUnderTest:
        self.database = self.engine.open(folder)
        metadata = metadata_on(self.database)
        return UsageUnderTest(SqlUsage(self.database), metadata)

    def test_points_are_counted_before_and_after_they_are_folded(self, under_test):
        run_id = under_test.add_run("one", 1)
        metrics = SqlMetrics(self.database)
        for first in (0, 10):
            keys, steps = ["loss"] * 10, list(range(first, first + 10))
            metrics.append(run_id, MetricBatch(keys, [0.5] * 10, steps, steps))
        assert under_test.usage.count_points(WORKSPACE) == 20
        MetricUpkeep(self.database, metrics).bring_to_rest(1)
        assert under_test.usage.count_points(WORKSPACE) == 20
        assert under_test.usage.count_points(OTHER_WORKSPACE) == 0
