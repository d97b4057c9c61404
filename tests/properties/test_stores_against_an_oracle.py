"""R19: a state machine drives the real stores and plain dictionaries side by side: they never differ.

What is kept stays kept, so the two are compared at every few steps and at the end of each schedule.
"""

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
from runyard.protocol.filters import parse_run_filter
from runyard.stores.database import Database
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.experiments import SqlExperiments
from runyard.stores.metadata.runs import SqlRuns
from runyard.stores.metadata.workspaces import SqlWorkspaces
from runyard.stores.metrics.sql import SqlMetrics
from runyard.stores.metrics.upkeep import MetricUpkeep
from runyard.testing import strategies
from runyard.testing.metadata_hooks import new_run
from runyard.testing.metric_oracle import Identity, identities, identity, latest_of
from tests.engines import SqlEngine
from tests.properties.search_oracle import OracleRun, expected

# Read here, since the environment is scrubbed before a test runs.
STEPS = int(os.environ.get("RUNYARD_ORACLE_STEPS", "20000"))  # a minute and a half of one core
STEPS_AT_ONCE = 100
STEPS_OF = {"sqlite": STEPS * 7 // 8, "postgres": STEPS // 8}
COMPARED_EVERY = 20
SEARCHED = (
    "params.loss = '1'",
    "params.Loss != '2' and metrics.loss > 0",
    "metrics.`val/loss` <= 1",
    "metrics.loss = 0 or metrics.Loss >= 3",
    "tags.loss = '2'",
    "tags.`mlflow.parentRunId` = 'run-0'",
    "attributes.status = 'RUNNING'",
    "",
)
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
    points: dict[str, dict[Identity, Point]]

    def for_search(self) -> OracleRun:
        """Return what a search must know of it."""
        row = self.row
        ordered = {key: sorted(points.values(), key=_rank) for key, points in self.points.items()}
        return OracleRun(
            row.run_id,
            name=row.name,
            status=row.status.value,
            started_ms=row.started_ms,
            params=self.params,
            tags=self.tags,
            metrics={key: [point.value for point in points] for key, points in ordered.items()},
            experiment_id=int(row.experiment_id),
            lifecycle_stage=row.lifecycle_stage.value,
        )


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
        self.now_ms = self.step_count = 0
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
        self.upkeep = MetricUpkeep(self.database, self.metrics)

    def teardown(self) -> None:
        """Compare a last time, and leave nothing behind."""
        try:
            self.agree()
        finally:
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
        """Only what is named; one that has ended may be resumed."""
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
            self._learn(run_id, metric.key, point)

    @rule(run_id=run_ids, key=keys, first=st.integers(0, 300), count=st.integers(60, 150))
    def append_many(self, run_id: str, key: str, first: int, count: int) -> None:
        """So many that a series has chunks of its own, and often the same ones again."""
        points = [Point(step, step, (step % 7) / 2) for step in range(first, first + count)]
        batch = [Metric(key, point.value, point.timestamp_ms, point.step) for point in points]
        self.metrics.append(run_id, MetricBatch.of(batch))
        for point in points:
            self._learn(run_id, key, point)

    def _learn(self, run_id: str, key: str, point: Point) -> None:
        self.known_runs[run_id].points.setdefault(key, {}).setdefault(identity(point), point)

    @rule()
    def settle(self) -> None:
        """Summaries come up to date."""
        self.metrics.settle()
        assert not self.metrics.is_behind

    @rule(run_id=run_ids, to_rest=st.booleans())
    def fold(self, run_id: str, to_rest: bool) -> None:
        """Batches become chunks, and small chunks larger ones; of what is not summarised nothing."""
        (number,) = self.runs.locate_run(self.known_runs[run_id].row.workspace, run_id).run_numbers
        if to_rest:
            self.upkeep.bring_to_rest(number)
        else:
            self.metrics.folding.fold(number)

    @rule(run_id=run_ids, parent=run_ids)
    def nest(self, run_id: str, parent: str) -> None:
        """A run lies in another one by a tag."""
        self.runs.set_tags(run_id, {"mlflow.parentRunId": parent})
        self.known_runs[run_id].tags["mlflow.parentRunId"] = parent

    @rule(workspace=workspaces, view=st.sampled_from(View), text=st.sampled_from(SEARCHED))
    def search(self, workspace: str, view: View, text: str) -> None:
        """Finds what the second opinion finds, in its order."""
        ids = self._experiment_ids(workspace)
        search = Search(workspace, view, filter=parse_run_filter(text), experiment_ids=ids)
        self.metrics.settle()
        found = self.runs.read_runs(self.runs.search_runs(search).run_numbers)
        known = [known.for_search() for known in self.known_runs.values()]
        assert [run.run_id for run in found] == expected(known, search)

    def _experiment_ids(self, workspace: str) -> list[str]:
        known = self.known_experiments.values()
        return [experiment.experiment_id for experiment in known if experiment.workspace == workspace]

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
    def agree_now_and_then(self) -> None:
        """Compare all."""
        self.step_count += 1
        if self.step_count % COMPARED_EVERY == 0:
            self.agree()

    def agree(self) -> None:
        """Compare all that is kept with all that is known."""
        self.experiments_agree()
        self.runs_agree()
        self.metrics_agree()

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

    def runs_agree(self) -> None:
        """All of them with what hangs on them, on pages of two."""
        for workspace in WORKSPACES:
            ids = self._experiment_ids(workspace)
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

    def metrics_agree(self) -> None:
        """Histories in their order, and the latest points."""
        latest = self.metrics.read_latest(list(self.known_runs))
        for run_id, known in self.known_runs.items():
            assert [metric.key for metric in latest[run_id]] == sorted(known.points)
            for metric in latest[run_id]:
                points = known.points[metric.key]
                history = self.metrics.read_history(run_id, metric.key)
                assert len(history) == len(points)
                assert identities(history) == points.keys()
                order = [(point.timestamp_ms, point.step, _number(point.value)) for point in history]
                assert order == sorted(order)
                rank = (metric.step, metric.timestamp_ms, _number(metric.value))
                assert rank == latest_of(points.values())


def _number(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _rank(point: Point) -> tuple[int, int, float, bool]:
    return (point.step, point.timestamp_ms, _number(point.value), math.isnan(point.value))


@pytest.mark.scaled
def test_r19_the_stores_keep_what_plain_dictionaries_keep(engine: SqlEngine):
    class OnThisEngine(StoresAgainstAnOracle):
        def __init__(self) -> None:
            super().__init__(engine)

    run_state_machine_as_test(
        OnThisEngine,
        settings=settings(
            max_examples=max(STEPS_OF[engine.name] // STEPS_AT_ONCE, 1),
            stateful_step_count=STEPS_AT_ONCE,
            deadline=None,
        ),
    )
