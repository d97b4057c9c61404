"""What a search has joined before it reads, on both engines: what its experiments wait for, and no more.

And what is done once a run is over: as few transactions as it needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.entities.metric import Metric, MetricBatch
from runyard.stores.metadata.experiments import SqlExperiments
from runyard.stores.metadata.runs import SqlRuns
from runyard.stores.metadata.workspaces import SqlWorkspaces
from runyard.stores.metrics import folding, summarising, upkeep
from runyard.stores.metrics.sql import SqlMetrics
from runyard.stores.metrics.upkeep import MetricUpkeep
from runyard.testing.metadata_hooks import new_run
from tests.engines import SqlEngine


class Workspace:
    """A store with two experiments, `one` with the run `a` and `other` with the run `b`."""

    def __init__(self, engine: SqlEngine, folder: Path) -> None:
        self.database = engine.open(folder)
        SqlWorkspaces(self.database).add_workspace("w", "", {}, 0)
        experiments, runs = SqlExperiments(self.database), SqlRuns(self.database)
        self.one, self.other = (
            experiments.add_experiment("w", name, None, {}, 0).experiment_id for name in ("one", "other")
        )
        for experiment_id, run_id in ((self.one, "a"), (self.other, "b")):
            runs.add_run(new_run(experiments.get_experiment("w", experiment_id), run_id), {})
        self.metrics = SqlMetrics(self.database)

    def log(self, run_id: str, value: float) -> None:
        self.metrics.append(run_id, MetricBatch.of([Metric("loss", value, 1, 1)]))

    def count(self, rows: str) -> int:
        with self.database.reading() as connection:
            return int(connection.exec_driver_sql(f"SELECT count(*) FROM {rows}").scalar_one())

    def waiting_count(self) -> int:
        return self.count("unsummarised_batches")

    def values(self) -> list[float]:
        with self.database.reading() as connection:
            found = connection.exec_driver_sql("SELECT last_value FROM metric_series ORDER BY last_value")
            return list(found.scalars())


@pytest.fixture
def workspace(engine: SqlEngine, tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace(engine, tmp_path)
    yield made
    made.database.close()


def test_what_another_experiment_waits_for_is_left(workspace: Workspace):
    workspace.log("a", 1.0)
    workspace.metrics.settle([workspace.other])
    assert (workspace.waiting_count(), workspace.values()) == (1, [])
    workspace.log("b", 2.0)
    workspace.metrics.settle([workspace.other])
    assert (workspace.waiting_count(), workspace.values()) == (0, [1.0, 2.0])


@pytest.mark.parametrize("named", ["one", "both", "all"])
def test_what_an_experiment_waits_for_is_joined(workspace: Workspace, named: str):
    workspace.log("a", 1.0)
    both = [workspace.other, workspace.one]
    workspace.metrics.settle({"one": [workspace.one], "both": both, "all": None}[named])
    assert (workspace.waiting_count(), workspace.values()) == (0, [1.0])


def test_no_experiment_waits_for_anything(workspace: Workspace):
    workspace.log("a", 1.0)
    workspace.metrics.settle([])
    assert workspace.waiting_count() == 1


def test_where_much_waits_nobody_looks_whose_it_is(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(summarising, "BATCHES_AT_ONCE", 2)
    for value in (1.0, 2.0):
        workspace.log("a", value)
    workspace.metrics.settle([workspace.other])
    assert workspace.waiting_count() == 2
    workspace.log("a", 3.0)
    workspace.metrics.settle([workspace.other])
    assert workspace.waiting_count() == 0


def test_another_process_knows_what_waits(workspace: Workspace):
    workspace.log("a", 1.0)
    elsewhere = SqlMetrics(workspace.database)
    elsewhere.settle([workspace.other])
    assert workspace.waiting_count() == 1
    elsewhere.settle([workspace.one])
    assert workspace.values() == [1.0]


def test_a_read_transaction_settles_nothing(workspace: Workspace):
    workspace.log("a", 1.0)
    with workspace.database.reading_together():
        workspace.metrics.settle([workspace.one])
    assert workspace.waiting_count() == 1


@pytest.mark.parametrize("points_at_once", [1, 2, 5])
def test_a_run_comes_to_rest_in_as_many_folds_as_it_needs(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, points_at_once: int
):
    monkeypatch.setattr(folding, "MAX_POINTS", points_at_once)
    for step in range(5):
        workspace.metrics.append("a", MetricBatch.of([Metric("loss", float(step), step, step)]))
    workspace.metrics.settle()
    folded = [workspace.metrics.folding.fold(1)]
    assert (folded[0].batch_count, folded[0].is_all) == (points_at_once, points_at_once == 5)
    MetricUpkeep(workspace.database, workspace.metrics).bring_to_rest(1)
    assert workspace.count("metric_batches") == 0
    assert [point.value for point in workspace.metrics.read_history("a", "loss")] == [0, 1, 2, 3, 4]
    assert workspace.metrics.folding.fold(1) == folding.Folded()


def test_at_rest_no_series_is_live_and_small_chunks_are_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(upkeep, "SERIES_AT_ONCE", 2)
    for step in range(2):
        metrics = [Metric(f"m{place}", 0.5, step, step) for place in range(5)]
        workspace.metrics.append("a", MetricBatch.of(metrics))
        workspace.metrics.settle()
        assert workspace.metrics.folding.fold(1).is_all
    assert workspace.count("metric_series WHERE is_live") == 5
    assert workspace.count("metric_chunks") == 2
    MetricUpkeep(workspace.database, workspace.metrics).bring_to_rest(1)
    assert workspace.count("metric_series WHERE is_live") == 0
    assert workspace.count("metric_chunks") == 1
    assert [metric.step for metric in workspace.metrics.read_latest(["a"])["a"]] == [1] * 5
