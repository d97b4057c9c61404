"""R17: deletions, restores, uploads, registrations and collections in any order: nothing in reach is lost.

A state machine drives the services beside plain dictionaries. Collections stop anywhere, or die there;
uploads begin before a removal and end after it. Whatever was not in the trash stays whole; once a collection
has come to its end, nothing else is left, neither in the database nor on the disk, and the bytes add up.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from runyard.app import open_stores
from runyard.auth.permissions import LOCAL_OWNER
from runyard.entities.experiment import LifecycleStage
from runyard.entities.logged_model import LoggedModelStatus
from runyard.entities.metric import Metric, MetricBatch
from runyard.entities.run import Dataset, DatasetInput
from runyard.entities.trash import NOTHING_FREED, Freed, Retention
from runyard.errors import InvalidParameter, InvalidState, NotFound
from runyard.services import (
    artifacts,
    collection,
    experiments,
    logged_models,
    model_versions,
    registered_models,
    runs,
    trash,
)
from runyard.services.call import Call
from runyard.services.collection import FOREVER_MS, Collection
from runyard.services.logged_models import NewLoggedModel
from runyard.services.model_versions import NewVersion
from runyard.services.runs import NewRun
from runyard.settings import Mode, Settings
from runyard.stores.artifacts.base import ArtifactUpload
from runyard.stores.opening import Stores
from tests.engines import SqlEngine

# Read here, since the environment is scrubbed before a test runs.
_SCHEDULES = int(os.environ.get("RUNYARD_SCHEDULES", "150"))  # a minute of one core
SCHEDULES = {"sqlite": _SCHEDULES, "postgres": max(_SCHEDULES // 10, 1)}
EVERYTHING = Retention(deleted_before_ms=FOREVER_MS)
PARTS = ("params", "tags", "metric_batches", "metric_chunks", "metric_series")
names = st.sampled_from(["a.txt", "b/c.txt", "b/d.txt"])


class Killed(Exception):
    """What stands for the death of a process in the middle of a collection."""


class Stopped(Collection):
    """A collection that has no time left, or dies, when it has looked at the clock so often."""

    looks: int
    is_killed: bool

    @property
    def _is_late(self) -> bool:
        self.looks -= 1
        if self.looks < 0 and self.is_killed:
            raise Killed
        return self.looks < 0


@dataclass
class Known:
    """What the oracle knows of a run or a model."""

    experiment_id: str
    folder: str
    is_run: bool
    is_deleted: bool = False
    points: int = 0
    dataset: str = ""
    files: dict[str, bytes] = field(default_factory=dict)


class TrashAgainstAnOracle(RuleBasedStateMachine):
    """Experiments, runs and models with files, kept twice."""

    experiment_ids = Bundle("experiment_ids")
    item_ids = Bundle("item_ids")
    uploads = Bundle("uploads")
    versions = Bundle("versions")

    def __init__(self, engine: SqlEngine) -> None:
        super().__init__()
        self.engine = engine

    @initialize()
    def open(self) -> None:
        """Begin with an empty home."""
        self.home = Path(tempfile.mkdtemp(prefix="runyard-trash-"))
        self.count = 0
        self.nested: dict[str, str] = {}
        self.is_looked_at = self.is_clean = True
        self.is_stopped = False
        self.stages: dict[str, bool] = {}
        self.items: dict[str, Known] = {}
        self.registered: dict[int, str] = {}
        self.database = self.engine.setting(self.home)
        self.opened: list[Stores] = []
        self._open()
        registered_models.create_registered_model(self.call, "m", {}, "")

    def _open(self) -> None:
        settings_ = Settings(mode=Mode.UP, home=self.home, database=self.database)
        self.stores = open_stores(settings_)
        self.opened.append(self.stores)
        workspace = self.stores.metadata.workspaces.get_workspace("default")
        self.call = Call(self.stores, settings_, workspace, LOCAL_OWNER)

    def teardown(self) -> None:
        """Look a last time, and leave nothing behind."""
        try:
            self._look()
        finally:
            # An upload that outlived a reopening has asked the stores that it began with once more.
            for stores in self.opened:
                stores.close()
            self.engine.close()
            shutil.rmtree(self.home)

    @rule(target=experiment_ids, inside=st.none() | item_ids)
    def add_experiment(self, inside: str | None) -> object:
        """One with its own folder, or with one in the artifacts of a run."""
        self.count += 1
        location = f"{self.items[inside].folder}/nested" if inside in self.items else None
        try:
            made = experiments.create_experiment(self.call, f"e{self.count}", location, {})
        except InvalidState:
            return multiple()  # its folder is just being deleted
        self.stages[made.experiment_id] = False
        if location is not None:
            self.nested[made.experiment_id] = location
        return made.experiment_id

    @rule(target=item_ids, experiment_id=experiment_ids, points=st.sampled_from([0, 3, 100]))
    def add_run(self, experiment_id: str, points: int) -> object:
        """With params, tags, metrics, and a dataset that others may read too."""
        if self.stages.get(experiment_id, True):
            return multiple()
        new = NewRun(experiment_id, tags={"own": "tag"})
        run = runs.create_run(self.call, new).run
        self.stores.metadata.runs.add_params(run.run_id, {"alpha": "1"})
        batch = MetricBatch.of([Metric("loss", 0.5, step, step) for step in range(points)])
        self.stores.metrics.append(run.run_id, batch)
        dataset = f"d{points}"
        read = DatasetInput(Dataset(dataset, "1", "local", "here"))
        self.stores.metadata.runs.add_inputs(run, [read], [])
        folder = run.artifact_uri.removeprefix("mlflow-artifacts:/")
        self.items[run.run_id] = Known(experiment_id, folder, True, points=points, dataset=dataset)
        return run.run_id

    @rule(target=item_ids, experiment_id=experiment_ids)
    def add_model(self, experiment_id: str) -> object:
        """A logged model."""
        if self.stages.get(experiment_id, True):
            return multiple()
        model = logged_models.create_logged_model(self.call, NewLoggedModel(experiment_id, tags={"a": "b"}))
        logged_models.finalize_logged_model(self.call, model.model_id, LoggedModelStatus.READY)
        folder = model.artifact_uri.removeprefix("mlflow-artifacts:/")
        self.items[model.model_id] = Known(experiment_id, folder, False)
        return model.model_id

    @rule(target=uploads, item_id=item_ids, name=names)
    def begin_upload(self, item_id: str, name: str) -> object:
        """It may end at any time, or never."""
        known = self.items[item_id]
        self.count += 1
        content = f"{self.count}".encode() * 10
        try:
            upload = artifacts.begin_proxied_upload(self.call, f"{known.folder}/{name}")
        except NotFound:
            assert not self._is_there(item_id)
            return multiple()
        upload.write(content)
        return (item_id, name, content, upload)

    @rule(upload=uploads)
    def end_upload(self, upload: tuple[str, str, bytes, ArtifactUpload]) -> None:
        """What is acknowledged can be read for as long as its run is there."""
        item_id, name, content, transfer = upload
        try:
            transfer.commit()
        except ValueError:
            return  # it was ended before
        except NotFound:
            assert not self._is_there(item_id)
            return
        self.items[item_id].files[name] = content

    @rule(target=versions, item_id=item_ids)
    def register(self, item_id: str) -> object:
        """A version of all that a run or a model keeps, which stays as long as the version."""
        known = self.items[item_id]
        if known.is_run:
            new = NewVersion("m", f"runs:/{item_id}", run_id=item_id)
        else:
            new = NewVersion("m", f"models:/{item_id}", model_id=item_id)
        try:
            version = model_versions.create_model_version(self.call, new)
        except InvalidParameter:
            assert not self._is_there(item_id) or (known.is_deleted and not known.is_run)
            return multiple()
        self.registered[version.version] = item_id
        self.is_nested = True
        return version.version

    @rule(target=versions, of=versions)
    def copy(self, of: int) -> object:
        """Another version of the same, whether or not its run is still there."""
        if of not in self.registered:
            return multiple()
        version = model_versions.create_model_version(self.call, NewVersion("m", f"models:/m/{of}"))
        self.registered[version.version] = self.registered[of]
        return version.version

    @rule(version=consumes(versions))
    def unregister(self, version: int) -> None:
        """What nothing else needs may go with the next collection."""
        if self.registered.pop(version, None) is not None:
            model_versions.delete_model_version(self.call, "m", str(version))
            self.is_clean = False

    @rule(item_id=item_ids, back=st.booleans())
    def move(self, item_id: str, back: bool) -> None:
        """To the trash, or back from it; not once it is being taken away."""
        known = self.items[item_id]
        stage = LifecycleStage.ACTIVE if back else LifecycleStage.DELETED
        was_there = self._is_there(item_id)
        try:
            if not known.is_run:
                trash.move_logged_models(self.call, [item_id], stage)
            elif back:
                runs.restore_run(self.call, item_id)
            else:
                runs.delete_run(self.call, item_id)
        except NotFound:
            assert not was_there
            return
        assert was_there
        known.is_deleted = not back
        self.is_clean &= back

    @rule(experiment_id=experiment_ids, back=st.booleans())
    def move_experiment(self, experiment_id: str, back: bool) -> None:
        """Its runs go with it."""
        is_deleted = self.stages.get(experiment_id)
        try:
            if back:
                experiments.restore_experiment(self.call, experiment_id)
            else:
                experiments.delete_experiment(self.call, experiment_id)
        except NotFound:
            return
        assert is_deleted is back
        self.stages[experiment_id] = not back
        self.is_clean &= back
        for item_id, known in self.items.items():
            # What a collection has taken away does not come back.
            if known.experiment_id == experiment_id and known.is_run and self._is_there(item_id):
                known.is_deleted = not back

    @precondition(lambda self: not self.is_clean)
    @rule(looks=st.integers(0, 12), is_killed=st.booleans())
    def collect_some(self, looks: int, is_killed: bool) -> None:
        """A collection that stops on its way."""
        stopped = Stopped(self.stores, "default", [EVERYTHING], self.call.now_ms())
        stopped.looks, stopped.is_killed = looks, is_killed
        with contextlib.suppress(Killed):
            stopped.work()
        self.is_looked_at, self.is_stopped = False, True

    @precondition(lambda self: self.is_stopped)
    @rule()
    def reopen(self) -> None:
        """What is kept is kept on the disk."""
        self.stores.close()
        self._open()
        self.is_stopped = False

    @precondition(lambda self: not self.is_clean)
    @rule()
    def collect(self) -> None:
        """To the end: the bytes are those that were announced, and nothing else is left."""
        announced, offset = NOTHING_FREED, 0
        while True:
            measured = collection.measure(self.call, [EVERYTHING], offset)
            announced, offset = announced + measured.freed, measured.next_offset
            if measured.is_done:
                break
        freed = NOTHING_FREED
        while not (step := collection.collect(self.call, [EVERYTHING])).is_done:
            freed += step.freed
        freed += step.freed
        self.is_looked_at, self.is_clean = False, True
        assert freed == announced or self.nested  # then what is deleted first is counted first
        kept = {known.experiment_id for known in self.items.values() if known.is_run and not known.is_deleted}
        for item_id, known in self.items.items():
            goes_along = self.stages.get(known.experiment_id) and known.experiment_id not in kept
            if known.is_deleted or goes_along:
                assert not self._is_there(item_id)
        again = collection.collect(self.call, [EVERYTHING]).freed
        assert again == NOTHING_FREED == Freed()
        self._nothing_else_is_left()

    def _nothing_else_is_left(self) -> None:
        alive = {item_id: known for item_id, known in self.items.items() if self._is_there(item_id)}
        assert self._rows("SELECT run_id FROM runs UNION SELECT model_id FROM logged_models") == set(alive)
        for table in PARTS:
            orphans = f"SELECT run_number FROM {table} WHERE run_number NOT IN (SELECT run_number FROM runs)"
            assert self._rows(orphans) == set()
        waiting = "SELECT batch_number FROM unsummarised_batches"
        assert (
            self._rows(f"{waiting} WHERE batch_number NOT IN (SELECT batch_number FROM metric_batches)")
            == set()
        )
        datasets = {known.dataset for known in alive.values() if known.dataset}
        assert self._rows("SELECT DISTINCT name FROM datasets") == datasets
        root = self.home / "artifacts" / "default"
        on_disk = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        alive |= {item_id: self.items[item_id] for item_id in self.registered.values()}
        expected = {f"{known.folder}/{name}" for known in alive.values() for name in known.files}
        assert expected <= on_disk
        # A file of something that is gone may lie in the artifacts of something that is not, or in the folder
        # that an experiment has there: both go with their owners, and are nobody else's.
        there = {str(number) for number in self._rows("SELECT experiment_id FROM experiments")}
        kept = {folder for experiment_id, folder in self.nested.items() if experiment_id in there}
        kept |= {known.folder for known in alive.values()}
        for path in on_disk - expected:
            assert any(path.startswith(f"{folder}/") for folder in kept)

    def _rows(self, sql: str) -> set[str]:
        return {row[0] for row in self.engine.rows(self.home, sql)}

    def _is_there(self, item_id: str) -> bool:
        try:
            if self.items[item_id].is_run:
                self.stores.metadata.runs.get_run("default", item_id)
            else:
                self.stores.metadata.logged_models.get_logged_model("default", item_id, or_deleted=True)
        except NotFound:
            return False
        return True

    @invariant()
    def nothing_that_can_be_reached_is_lost(self) -> None:
        """Whatever a collection has taken, it is still gone a step later: looked for after each."""
        if not self.is_looked_at:
            self._look()

    def _look(self) -> None:
        """What is there is whole, and what was never deleted is there."""
        self.is_looked_at = True
        for version, item_id in self.registered.items():
            for name, content in self.items[item_id].files.items():
                with model_versions.open_version_file(self.call, "m", str(version), name) as file:
                    assert file.read(0, 1000) == content
        run_ids = [item_id for item_id, known in self.items.items() if known.is_run]
        there = self.stores.metadata.runs.find_run_ids("default", run_ids)
        contents = self.stores.metadata.runs.read_contents(there)
        for item_id, known in self.items.items():
            # A run that was brought back by itself keeps its experiment; a model goes with it.
            in_trash = known.is_deleted or (not known.is_run and self.stages.get(known.experiment_id))
            if not (item_id in contents if known.is_run else self._is_there(item_id)):
                assert in_trash
                continue
            for name, content in known.files.items():
                with artifacts.open_proxied(self.call, f"{known.folder}/{name}") as file:
                    assert file.read(0, 1000) == content
            if known.is_run:
                assert contents[item_id].params == {"alpha": "1"}
                assert [each.dataset.name for each in contents[item_id].dataset_inputs] == [known.dataset]
                assert len(self.stores.metrics.read_history(item_id, "loss")) == known.points


def test_a_late_upload_into_what_an_experiment_keeps_goes_when_the_experiment_goes(engine: SqlEngine):
    """R17 found it: the run is gone, the model around it in the trash, the experiment between them lives."""
    machine = TrashAgainstAnOracle(engine)
    machine.open()
    try:
        around = machine.add_model(experiment_id=machine.add_experiment(inside=None))
        between = machine.add_experiment(inside=around)
        run_id = machine.add_run(experiment_id=between, points=0)
        upload = machine.begin_upload(item_id=run_id, name="a.txt")
        machine.move(back=False, item_id=run_id)
        machine.collect()
        machine.move(back=False, item_id=around)
        machine.end_upload(upload=upload)
        machine.collect()
        machine.move_experiment(back=False, experiment_id=between)
        machine.collect()
        artifacts_root = machine.home / "artifacts" / "default"
        assert [path for path in artifacts_root.rglob("*") if path.is_file()] == []
    finally:
        machine.teardown()


@pytest.mark.parametrize("looks", range(6))
def test_what_an_unfinished_collection_has_left_is_measured_once(engine: SqlEngine, looks: int):
    """R17 found it: runs are gone, their files are not, and the experiment around them may be gone too."""
    machine = TrashAgainstAnOracle(engine)
    machine.open()
    try:
        experiment_id = machine.add_experiment(inside=None)
        for item_id in (
            machine.add_model(experiment_id=experiment_id),
            machine.add_run(experiment_id=experiment_id, points=0),
        ):
            machine.end_upload(upload=machine.begin_upload(item_id=item_id, name="b/c.txt"))
        machine.move_experiment(back=False, experiment_id=experiment_id)
        machine.collect_some(looks=looks, is_killed=False)
        measured = collection.measure(machine.call, [EVERYTHING], 0).freed
        left = [path for path in (machine.home / "artifacts" / "default").rglob("*") if path.is_file()]
        assert (measured.artifact_files, measured.artifact_bytes) == (len(left), 10 * len(left))
        assert len(left) == 2 or looks > 4
        machine.collect()
    finally:
        machine.teardown()


@pytest.mark.slow
@pytest.mark.scaled
def test_r17_nothing_that_can_be_reached_is_ever_lost(engine: SqlEngine):
    class OnThisEngine(TrashAgainstAnOracle):
        def __init__(self) -> None:
            super().__init__(engine)

    run_state_machine_as_test(
        OnThisEngine,
        settings=settings(max_examples=SCHEDULES[engine.name], stateful_step_count=30, deadline=None),
    )
