"""Stores of usage against their rules, and what is counted beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.entities.experiment import LifecycleStage
from runyard.entities.metric import MetricBatch
from runyard.stores.metadata.model_versions import SqlModelVersions
from runyard.stores.metadata.registered_models import SqlRegisteredModels
from runyard.stores.metadata.spans import SqlSpans
from runyard.stores.metadata.traces import SqlTraces
from runyard.stores.metadata.usage import SqlUsage
from runyard.stores.metrics.sql import SqlMetrics
from runyard.stores.metrics.upkeep import MetricUpkeep
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE
from runyard.testing.registry_rules import RegistryUnderTest
from runyard.testing.trace_hooks import new_span, new_trace
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

    def test_traces_are_measured_a_few_at_a_time(self, under_test, tmp_path):
        metadata, traces, spans = under_test.metadata, SqlTraces(self.database), SqlSpans(self.database)
        one = metadata.experiments.find_experiment_by_name(WORKSPACE, "one")
        for number in range(5):
            traces.add_trace(new_trace(one, f"tr-{number}", tags={"size": "é" * number}))
            spans.keep_spans(WORKSPACE, [new_span(f"tr-{number}")])
        elsewhere = metadata.add_experiment("elsewhere", workspace=OTHER_WORKSPACE)
        traces.add_trace(new_trace(elsewhere, "tr-1", tags={"size": "x" * 1000}))
        (whole,) = under_test.usage.measure_traces(WORKSPACE, 10)
        by_two = list(under_test.usage.measure_traces(WORKSPACE, 2))
        assert (len(by_two), sum(by_two)) == (3, whole)
        assert by_two[1] - by_two[0] == 2 * len("éé".encode())
        # What is kept of spans is told by the database itself.
        content = "SELECT content FROM spans"
        kept = [len(row[0].encode()) for row in self.engine.rows(tmp_path, content)]
        assert whole > sum(kept) > 0
        metadata.experiments.move_experiment(one.experiment_id, LifecycleStage.DELETED, NOW_MS)
        assert sum(under_test.usage.measure_traces(WORKSPACE, 5)) == whole
        # Being removed, it is not counted any more.
        self.engine.rows(
            tmp_path,
            "UPDATE experiments SET lifecycle_stage = 'removed' WHERE name = ? RETURNING name",
            "one",
        )
        assert sum(under_test.usage.measure_traces(WORKSPACE, 5)) == 0

    def test_the_folders_that_versions_keep_are_told_once(self, under_test):
        assert under_test.usage.find_owners(WORKSPACE).registered == set()
        models, versions = SqlRegisteredModels(self.database), SqlModelVersions(self.database)
        registry = RegistryUnderTest(models, versions, under_test.metadata)
        registry.add_model("net")
        for folder in ("1/r/artifacts/model", "1/r/artifacts/model", ""):
            registry.add_version("net", kept_at=folder)
        assert under_test.usage.find_owners(WORKSPACE).registered == {"1/r/artifacts/model"}
        assert under_test.usage.find_owners(OTHER_WORKSPACE).registered == set()
