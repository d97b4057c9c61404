"""A state machine drives the real stores and plain dictionaries side by side: they never differ."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from runyard.entities.experiment import Experiment, LifecycleStage, View
from runyard.entities.metric import Metric, MetricBatch, Point
from runyard.entities.run import Run, RunStatus
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.database import Database
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.experiments import SqlExperiments
from runyard.stores.metadata.runs import SqlRuns
from runyard.stores.metadata.workspaces import SqlWorkspaces
from runyard.stores.metrics.sql import SqlMetrics
from runyard.testing import strategies
from runyard.testing.metadata_hooks import new_run
from runyard.testing.metric_rules import identities, identity, latest_of
from tests.engines import SqlEngine

# Read here, since the environment is scrubbed before a test runs.
STEPS = int(os.environ.get("RUNYARD_ORACLE_STEPS", "2000"))
STEPS_AT_ONCE = 50
EXAMPLES = {"sqlite": STEPS // STEPS_AT_ONCE, "postgres": max(STEPS // STEPS_AT_ONCE // 3, 1)}
WORKSPACES = ("vision", "speech")
workspaces = st.sampled_from(WORKSPACES)
names = st.sampled_from(["a", "b", "A", "a b"])
keys = st.sampled_from(["loss", "Loss", "val/loss"])
texts = strategies.texts(max_size=5)
stages = st.sampled_from(LifecycleStage)
pairs = st.dictionaries(keys, st.sampled_from(["1", "2"]) | texts, min_size=1, max_size=3)


class Abandoned(Exception):
    """Ends a transaction that is to leave nothing."""


@dataclasses.dataclass
class KnownRun:
    """What the oracle knows of a run."""

    row: Run
    params: dict[str, str]
    tags: dict[str, str]
    points: dict[str, list[Point]]


class StoresAgainstAnOracle(RuleBasedStateMachine):
    """Experiments, runs, params, tags and metrics, kept twice."""

    experiment_ids = Bundle("experiment_ids")
    run_ids = Bundle("run_ids")

    def __init__(self, engine: SqlEngine) -> None:
        super().__init__()
        self.engine = engine

    @initialize()
    def open(self) -> None:
        """Begin with two workspaces."""
        self.folder = Path(tempfile.mkdtemp(prefix="runyard-oracle-"))
        self.now_ms = 0
        self.known_experiments: dict[str, Experiment] = {}
        self.known_runs: dict[str, KnownRun] = {}
        self._open_stores()
        for name in WORKSPACES:
            made = SqlWorkspaces(self.database).add_workspace(name, "", {}, 0)
            default = self.experiments.get_experiment(name, made.default_experiment_id)
            self.known_experiments[default.experiment_id] = default

    def _open_stores(self) -> None:
        self.database: Database = self.engine.open(self.folder)
        self.experiments, self.runs = SqlExperiments(self.database), SqlRuns(self.database)
        self.metrics = SqlMetrics(self.database)

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.database.close()
        self.engine.close()
        shutil.rmtree(self.folder)

    @rule()
    def reopen(self) -> None:
        """What is kept is kept in the database."""
        self.database.close()
        self._open_stores()

    def _later(self) -> int:
        self.now_ms += 1
        return self.now_ms

    def _named(self, workspace: str, name: str) -> Experiment | None:
        for experiment in self.known_experiments.values():
            if (experiment.workspace, experiment.name) == (workspace, name):
                return experiment
        return None

    @rule(target=experiment_ids, workspace=workspaces, name=names, tags=pairs)
    def add_experiment(self, workspace: str, name: str, tags: dict[str, str]) -> str:
        """An id is new, and a name is taken once."""
        taken = self._named(workspace, name)
        try:
            made = self.experiments.add_experiment(workspace, name, None, tags, self._later())
        except AlreadyExists:
            assert taken is not None
            return taken.experiment_id
        assert taken is None
        assert int(made.experiment_id) > max(map(int, self.known_experiments))
        assert (made.name, made.tags) == (name, tags)
        self.known_experiments[made.experiment_id] = made
        return made.experiment_id

    @rule(experiment_id=experiment_ids, name=names)
    def rename_experiment(self, experiment_id: str, name: str) -> None:
        """Another experiment's name is refused."""
        experiment = self.known_experiments[experiment_id]
        holder, now_ms = self._named(experiment.workspace, name), self._later()
        try:
            self.experiments.rename_experiment(experiment_id, name, now_ms)
        except AlreadyExists:
            assert holder is not None
            assert holder.experiment_id != experiment_id
            return
        assert holder is None or holder.experiment_id == experiment_id
        renamed = dataclasses.replace(experiment, name=name, updated_ms=now_ms)
        self.known_experiments[experiment_id] = renamed

    @rule(experiment_id=experiment_ids, stage=stages)
    def move_experiment(self, experiment_id: str, stage: LifecycleStage) -> None:
        """Its runs go with it."""
        now_ms = self._later()
        self.experiments.move_experiment(experiment_id, stage, now_ms)
        self.known_experiments[experiment_id] = dataclasses.replace(
            self.known_experiments[experiment_id], lifecycle_stage=stage, updated_ms=now_ms
        )
        for known in self.known_runs.values():
            if known.row.experiment_id == experiment_id:
                self._moved(known, stage, now_ms)

    def _moved(self, known: KnownRun, stage: LifecycleStage, now_ms: int) -> None:
        deleted_ms = now_ms if stage is LifecycleStage.DELETED else None
        known.row = dataclasses.replace(known.row, lifecycle_stage=stage, deleted_ms=deleted_ms)

    @rule(experiment_id=experiment_ids, key=keys, value=st.none() | texts)
    def change_experiment_tag(self, experiment_id: str, key: str, value: str | None) -> None:
        """Set it, or delete it."""
        experiment = self.known_experiments[experiment_id]
        tags = dict(experiment.tags)
        if value is None:
            was_there = self.experiments.delete_experiment_tag(experiment_id, key)
            assert was_there == (tags.pop(key, None) is not None)
        else:
            self.experiments.set_experiment_tag(experiment_id, key, value, self._later())
            tags[key] = value
        self.known_experiments[experiment_id] = dataclasses.replace(experiment, tags=tags)

    @rule(target=run_ids, experiment_id=experiment_ids, started_ms=st.none() | st.integers(0, 3), tags=pairs)
    def add_run(self, experiment_id: str, started_ms: int | None, tags: dict[str, str]) -> str:
        """In an experiment that there is."""
        run = new_run(self.known_experiments[experiment_id], f"run-{len(self.known_runs)}", started_ms)
        self.runs.add_run(run, tags)
        self.known_runs[run.run_id] = KnownRun(run, {}, dict(tags), {})
        return run.run_id

    @rule(run_id=run_ids, stage=stages)
    def move_run(self, run_id: str, stage: LifecycleStage) -> None:
        """Alone."""
        now_ms = self._later()
        self.runs.move_run(run_id, stage, now_ms)
        self._moved(self.known_runs[run_id], stage, now_ms)

    @rule(run_id=run_ids, status=st.none() | st.sampled_from(RunStatus), name=st.none() | texts)
    def update_run(self, run_id: str, status: RunStatus | None, name: str | None) -> None:
        """Only what is named."""
        self.runs.update_run(run_id, status, name=name)
        known = self.known_runs[run_id]
        changes = {"status": status, "name": name}
        changed = {field: value for field, value in changes.items() if value is not None}
        known.row = dataclasses.replace(known.row, **changed)  # type: ignore[arg-type]

    @rule(run_id=run_ids, params=pairs, tags=pairs, dropped=keys)
    def change_pairs(self, run_id: str, params: dict[str, str], tags: dict[str, str], dropped: str) -> None:
        """The first value of a param stays, the last one of a tag."""
        known = self.known_runs[run_id]
        self.runs.add_params(run_id, params)
        known.params = {**params, **known.params}
        self.runs.set_tags(run_id, tags)
        known.tags.update(tags)
        assert self.runs.delete_tag(run_id, dropped) == (known.tags.pop(dropped, None) is not None)

    @rule(run_id=run_ids, batch=st.lists(strategies.metrics(keys), max_size=6))
    def append(self, run_id: str, batch: Sequence[Metric]) -> None:
        """Points, some of them again."""
        self.metrics.append(run_id, MetricBatch.of(batch))
        for metric in batch:
            point = Point(metric.timestamp_ms, metric.step, metric.value)
            points = self.known_runs[run_id].points.setdefault(metric.key, [])
            if identity(point) not in identities(points):
                points.append(point)

    @rule(run_id=run_ids, batch=st.lists(strategies.metrics(keys), min_size=1, max_size=3), tags=pairs)
    def abandon(self, run_id: str, batch: Sequence[Metric], tags: dict[str, str]) -> None:
        """A transaction that fails leaves nothing, in whatever store."""
        with contextlib.suppress(Abandoned), self.database.writing():
            self.metrics.append(run_id, MetricBatch.of(batch))
            self.runs.set_tags(run_id, tags)
            self.runs.add_params(run_id, tags)
            self.experiments.add_experiment("vision", "abandoned", None, {}, 0)
            raise Abandoned

    @rule(run_id=run_ids)
    def look_from_the_other_workspace(self, run_id: str) -> None:
        """Nothing of one workspace is found in the other."""
        row = self.known_runs[run_id].row
        (other,) = {*WORKSPACES} - {row.workspace}
        for look in (
            lambda: self.runs.get_run(other, run_id),
            lambda: self.experiments.get_experiment(other, row.experiment_id),
        ):
            try:
                look()
            except NotFound:
                continue
            raise AssertionError(f"{row} is found in {other}")

    @invariant()
    def experiments_agree(self) -> None:
        """All of them, in the order of a search, on pages of any size."""
        for workspace in WORKSPACES:
            for view in View:
                expected = [
                    experiment
                    for experiment in self.known_experiments.values()
                    if experiment.workspace == workspace and experiment.lifecycle_stage in view.stages
                ]
                expected.sort(key=lambda experiment: (-experiment.created_ms, int(experiment.experiment_id)))
                assert self.experiments.search_experiments(Search(workspace, view)) == expected

    @invariant()
    def runs_agree(self) -> None:
        """All of them with what hangs on them, on pages of two."""
        for workspace in WORKSPACES:
            ids = [
                each.experiment_id for each in self.known_experiments.values() if each.workspace == workspace
            ]
            whole = Search(workspace, View.ALL, experiment_ids=ids, limit=2)
            found: list[Run] = []
            while True:
                page = self.runs.search_runs(whole)
                found += self.runs.read_runs(page.run_numbers)
                if page.last is None:
                    break
                whole = dataclasses.replace(whole, after=page.last)
            expected = [known.row for known in self.known_runs.values() if known.row.workspace == workspace]
            expected.sort(
                key=lambda run: -math.inf if run.started_ms is None else run.started_ms, reverse=True
            )
            assert sorted(run.run_id for run in found) == sorted(run.run_id for run in expected)
            assert [run.started_ms for run in found] == [run.started_ms for run in expected]
            assert {run.run_id: run for run in found} == {run.run_id: run for run in expected}
        contents = self.runs.read_contents(list(self.known_runs))
        for run_id, known in self.known_runs.items():
            assert (contents[run_id].params, contents[run_id].tags) == (known.params, known.tags)

    @invariant()
    def metrics_agree(self) -> None:
        """Histories in their order, and the latest points."""
        latest = self.metrics.read_latest(list(self.known_runs))
        for run_id, known in self.known_runs.items():
            assert [metric.key for metric in latest[run_id]] == sorted(known.points)
            for metric in latest[run_id]:
                points = known.points[metric.key]
                history = self.metrics.read_history(run_id, metric.key)
                assert len(history) == len(points)
                assert identities(history) == identities(points)
                order = [(point.timestamp_ms, point.step, _number(point.value)) for point in history]
                assert order == sorted(order)
                rank = (metric.step, metric.timestamp_ms, _number(metric.value))
                assert rank == latest_of(points)


def _number(value: float) -> float:
    return 0.0 if math.isnan(value) else value


@pytest.mark.scaled
def test_the_stores_keep_what_plain_dictionaries_keep(engine: SqlEngine):
    class OnThisEngine(StoresAgainstAnOracle):
        def __init__(self) -> None:
            super().__init__(engine)

    run_state_machine_as_test(
        OnThisEngine,
        settings=settings(
            max_examples=EXAMPLES[engine.name], stateful_step_count=STEPS_AT_ONCE, deadline=None
        ),
    )
