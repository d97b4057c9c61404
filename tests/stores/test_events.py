"""Stores of events and webhooks against their rules."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from runyard.entities.metric import MetricBatch
from runyard.entities.run import RunStatus
from runyard.entities.webhook import Comparison, Threshold
from runyard.stores.metadata.crossings import crossed
from runyard.stores.metadata.events import SqlEvents
from runyard.stores.metadata.webhooks import SqlWebhooks
from runyard.stores.metrics.sql import SqlMetrics
from runyard.testing.event_rules import HOOK, EventStoreRules, EventsUnderTest
from runyard.testing.metadata_hooks import NOW_MS, WORKSPACE, new_run
from tests.engines import SqlEngine, metadata_on


class TestSqlEvents(EventStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_events(self, folder: Path) -> EventsUnderTest:
        self.database = self.engine.open(folder)
        metadata = metadata_on(self.database)
        return EventsUnderTest(SqlEvents(self.database), SqlWebhooks(self.database), metadata)

    def test_a_run_whose_points_were_joined_since_is_not_silent(self, under_test, events):
        run = new_run(under_test.metadata.add_experiment("training"), started_ms=NOW_MS)
        under_test.metadata.runs.add_run(run, {})
        events.watch_runs(NOW_MS)
        metrics = SqlMetrics(self.database)
        metrics.append(run.run_id, MetricBatch(["loss", "lr"], [0.5, 0.1], [NOW_MS + 50, 9], [1, 1]))
        metrics.settle()
        events.watch_runs(NOW_MS + 70)
        assert events.take_silent_runs(NOW_MS + 70, 10) == []
        (silent,) = events.take_silent_runs(NOW_MS + 71, 10)
        assert silent.heard_ms == NOW_MS + 70

    def test_a_run_crosses_a_threshold_once(self, under_test, webhooks, tmp_path):
        hook = replace(HOOK, kinds=(), threshold=Threshold("loss", Comparison.BELOW, 0.5))
        webhooks.update_webhook(hook)
        experiment = under_test.metadata.add_experiment("training")
        metrics = SqlMetrics(self.database)
        for number, value in enumerate((0.1, 0.9, 0.4)):
            run = new_run(experiment, f"{number:032x}")
            under_test.metadata.runs.add_run(run, {})
            metrics.append(run.run_id, MetricBatch(["loss"], [value], [NOW_MS], [1]))
        metrics.settle()
        ended = f"{2:032x}"
        under_test.metadata.runs.update_run(ended, RunStatus.FINISHED)
        with contextlib.closing(self.open_events(tmp_path)) as other, ThreadPoolExecutor(4) as pool:
            stores = (webhooks, other.webhooks) * 4
            found = list(pool.map(lambda store: store.take_crossings(hook, None, 10, NOW_MS), stores))
        (crossing,) = [each for some in found for each in some]
        assert (crossing.run_id, crossing.workspace, crossing.value) == (f"{0:032x}", WORKSPACE, 0.1)
        assert crossing.experiment_id == experiment.experiment_id
        (by_id,) = webhooks.take_crossings(hook, [ended, f"{1:032x}"], 10, NOW_MS)
        assert by_id.run_id == ended
        assert webhooks.take_crossings(hook, [ended], 10, NOW_MS) == []
        webhooks.forget_crossings(hook.webhook_id)
        assert len(webhooks.take_crossings(hook, None, 10, NOW_MS)) == 1

    @pytest.mark.parametrize("place", [("1", WORKSPACE), (None, WORKSPACE), (None, None)])
    # PostgreSQL plans by how much there is, and there is nothing here.
    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    def test_runs_that_are_under_way_are_found_by_an_index(self, under_test, place):
        experiment_id, workspace = place
        limit = Threshold("loss", Comparison.BELOW, 0.5, experiment_id)
        query = crossed(replace(HOOK, kinds=(), workspace=workspace, threshold=limit), None)
        with self.database.reading() as connection:
            compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
        told = [row[-1] for row in plan]
        assert any("ix_runs_running" in step for step in told), told
        assert not any(step.startswith("SCAN") and "ix_runs_running" not in step for step in told), told
        assert not any("ix_runs_latest" in step for step in told), told
