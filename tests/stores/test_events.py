"""Stores of events and webhooks against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.entities.metric import MetricBatch
from runyard.stores.metadata.events import SqlEvents
from runyard.stores.metadata.webhooks import SqlWebhooks
from runyard.stores.metrics.sql import SqlMetrics
from runyard.testing.event_rules import EventStoreRules, EventsUnderTest
from runyard.testing.metadata_hooks import NOW_MS, new_run
from tests.engines import SqlEngine, metadata_on


class TestSqlEvents(EventStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_events(self, folder: Path) -> EventsUnderTest:
        self.database = self.engine.open(folder)
        metadata = metadata_on(self.database)
        return EventsUnderTest(SqlEvents(self.database), SqlWebhooks(self.database), metadata)

    def test_a_run_that_has_logged_a_point_since_is_not_silent(self, under_test, events):
        run = new_run(under_test.metadata.add_experiment("training"), started_ms=NOW_MS)
        under_test.metadata.runs.add_run(run, {})
        metrics = SqlMetrics(self.database)
        metrics.append(run.run_id, MetricBatch(["loss", "lr"], [0.5, 0.1], [NOW_MS + 50, NOW_MS + 9], [1, 1]))
        metrics.settle()
        assert events.find_silent_runs(NOW_MS + 50, 10) == []
        (silent,) = events.find_silent_runs(NOW_MS + 51, 10)
        assert silent.heard_ms == NOW_MS + 50
