"""The rules that every store of usage must pass."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from runyard.entities.experiment import LifecycleStage
from runyard.entities.run import RunStatus
from runyard.entities.usage import ContentUse, FilesUse, MeasuredUse
from runyard.stores.metadata.base_usage import UsageStore
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest, new_run

EVERY_MS, WITHIN_MS = 1000, 100
MEASURED = MeasuredUse(11, 5, 5000, 2, 2000, 3, 3000, 4, 4000, 1, 100, 700, NOW_MS)


@dataclass(frozen=True, slots=True)
class UsageUnderTest:
    """The store of usage, and the stores that it shares a database with."""

    usage: UsageStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()

    def add_run(self, experiment: str, number: int, status: RunStatus = RunStatus.RUNNING) -> str:
        """Keep a run of an experiment and return its id."""
        of = self.metadata.experiments.find_experiment_by_name(WORKSPACE, experiment)
        assert of is not None
        run = new_run(of, f"{number:032x}", NOW_MS + number)
        self.metadata.runs.add_run(replace(run, status=status), {})
        return run.run_id


class UsageStoreRules(ABC):
    """Inherit, and implement the hook, to hold a store of usage to its contract."""

    @abstractmethod
    def open_usage(self, folder: Path) -> UsageUnderTest:
        """Return a store that keeps its things in ``folder``, and finds there what another one kept."""

    @pytest.fixture
    def under_test(self, tmp_path: Path) -> Iterator[UsageUnderTest]:
        """Return a store with two workspaces beside it, and two experiments in the first."""
        with contextlib.closing(self.open_usage(tmp_path)) as under_test:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                under_test.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            for name in ("one", "two"):
                under_test.metadata.add_experiment(name)
            yield under_test

    @pytest.fixture
    def usage(self, under_test: UsageUnderTest) -> UsageStore:
        """Return the store itself."""
        return under_test.usage

    def test_an_empty_workspace_holds_its_default_experiment(self, usage: UsageStore) -> None:
        """And what is not there is counted as nothing."""
        counted = usage.count_contents([OTHER_WORKSPACE])
        assert counted == {OTHER_WORKSPACE: ContentUse(experiments=1, last_activity_ms=NOW_MS)}
        assert usage.count_points(OTHER_WORKSPACE) == 0
        assert sum(usage.measure_traces(OTHER_WORKSPACE, 10)) == 0
        assert usage.rank_by_runs([OTHER_WORKSPACE], 20) == []
        assert usage.rank_by_bytes([OTHER_WORKSPACE], 20) == []
        assert usage.read_measured([OTHER_WORKSPACE]) == {OTHER_WORKSPACE: MeasuredUse()}

    def test_runs_are_counted_by_status_and_apart_from_the_trash(
        self, under_test: UsageUnderTest, usage: UsageStore
    ) -> None:
        """What is in the trash counts there alone, whatever its status."""
        for number, status in enumerate((RunStatus.RUNNING, RunStatus.FINISHED, RunStatus.FINISHED)):
            under_test.add_run("one", number, status)
        gone = under_test.add_run("two", 3, RunStatus.FAILED)
        under_test.metadata.runs.move_run(gone, LifecycleStage.DELETED, NOW_MS)
        under_test.metadata.runs.update_run(f"{1:032x}", ended_ms=NOW_MS + 5000)
        counted = usage.count_contents([WORKSPACE, OTHER_WORKSPACE])[WORKSPACE]
        assert counted == ContentUse(
            experiments=3,
            runs={"RUNNING": 1, "FINISHED": 2},
            deleted_runs=1,
            last_activity_ms=NOW_MS + 5000,
        )

    def test_an_experiment_in_the_trash_is_counted_there(
        self, under_test: UsageUnderTest, usage: UsageStore
    ) -> None:
        """With all its runs."""
        under_test.add_run("one", 1)
        one = under_test.metadata.experiments.find_experiment_by_name(WORKSPACE, "one")
        assert one is not None
        under_test.metadata.experiments.move_experiment(one.experiment_id, LifecycleStage.DELETED, NOW_MS + 9)
        counted = usage.count_contents([WORKSPACE])[WORKSPACE]
        assert (counted.experiments, counted.deleted_experiments) == (2, 1)
        assert (counted.runs, counted.deleted_runs, counted.last_activity_ms) == ({}, 1, NOW_MS + 9)
        (ranked,) = usage.rank_by_runs([WORKSPACE], 20)
        assert (ranked.name, ranked.is_deleted, ranked.runs) == ("one", True, 1)

    def test_experiments_are_ranked_by_runs_and_by_bytes(
        self, under_test: UsageUnderTest, usage: UsageStore
    ) -> None:
        """The largest first, no more than were asked for; those of other workspaces are not among them."""
        for number in range(3):
            under_test.add_run("two", number)
        under_test.add_run("one", 9)
        found = {
            name: under_test.metadata.experiments.find_experiment_by_name(WORKSPACE, name)
            for name in ("one", "two")
        }
        ids = {name: each.experiment_id for name, each in found.items() if each is not None}
        usage.claim_measuring(WORKSPACE, NOW_MS, EVERY_MS, WITHIN_MS)
        sizes = {ids["one"]: FilesUse(4, 4000), ids["two"]: FilesUse(1, 1000), "424242": FilesUse(9, 9)}
        usage.keep_measured(WORKSPACE, MEASURED, sizes)
        by_runs = usage.rank_by_runs([WORKSPACE, OTHER_WORKSPACE], 20)
        assert [(each.name, each.runs) for each in by_runs] == [("two", 3), ("one", 1)]
        by_bytes = usage.rank_by_bytes([WORKSPACE], 20)
        told = [(each.name, each.artifact_files, each.artifact_bytes, each.runs) for each in by_bytes]
        assert told == [("one", 4, 4000, 1), ("two", 1, 1000, 3)]
        assert [each.name for each in usage.rank_by_runs([WORKSPACE], 1)] == ["two"]
        assert usage.rank_by_bytes([OTHER_WORKSPACE], 20) == []

    def test_owners_tell_where_artifacts_lie_and_what_is_in_the_trash(
        self, under_test: UsageUnderTest, usage: UsageStore
    ) -> None:
        """Ids of runs are names of their folders."""
        run_id = under_test.add_run("one", 1)
        under_test.add_run("one", 2)
        under_test.metadata.runs.move_run(run_id, LifecycleStage.DELETED, NOW_MS)
        one = under_test.metadata.experiments.find_experiment_by_name(WORKSPACE, "one")
        two = under_test.metadata.experiments.find_experiment_by_name(WORKSPACE, "two")
        assert one is not None
        assert two is not None
        under_test.metadata.experiments.move_experiment(two.experiment_id, LifecycleStage.DELETED, NOW_MS)
        owners = usage.find_owners(WORKSPACE)
        assert owners.locations[one.experiment_id] == one.artifact_location
        assert len(owners.locations) == 3
        assert set(owners.deleted_experiments) == {two.experiment_id}
        assert set(owners.deleted) == {run_id}

    def test_one_of_many_measures_and_nobody_before_it_is_due(
        self, under_test: UsageUnderTest, usage: UsageStore, tmp_path: Path
    ) -> None:
        """Whoever began and never ended is passed over after a while."""
        with contextlib.closing(self.open_usage(tmp_path)) as other, ThreadPoolExecutor(8) as pool:
            stores = (usage, other.usage) * 4
            claims = pool.map(
                lambda each: each.claim_measuring(WORKSPACE, NOW_MS, EVERY_MS, WITHIN_MS), stores
            )
            assert sum(claims) == 1
        assert not usage.claim_measuring(WORKSPACE, NOW_MS + WITHIN_MS - 1, EVERY_MS, WITHIN_MS)
        assert usage.claim_measuring(WORKSPACE, NOW_MS + WITHIN_MS, EVERY_MS, WITHIN_MS)
        usage.keep_measured(WORKSPACE, MEASURED, {})
        assert not usage.claim_measuring(WORKSPACE, NOW_MS + EVERY_MS - 1, EVERY_MS, WITHIN_MS)
        assert usage.claim_measuring(WORKSPACE, NOW_MS + EVERY_MS, EVERY_MS, WITHIN_MS)

    def test_what_was_measured_is_kept_and_what_was_noted_since_is_added(
        self, under_test: UsageUnderTest, usage: UsageStore, tmp_path: Path
    ) -> None:
        """Until the next measuring, which has seen it; never less than nothing."""
        usage.claim_measuring(WORKSPACE, NOW_MS, EVERY_MS, WITHIN_MS)
        usage.keep_measured(WORKSPACE, MEASURED, {})
        usage.note_use(WORKSPACE, 4, 300)
        usage.note_use(WORKSPACE, 5, -100)
        with contextlib.closing(self.open_usage(tmp_path)) as again:
            kept = again.usage.read_measured([WORKSPACE])[WORKSPACE]
        assert kept == replace(MEASURED, metric_points=20, artifact_bytes=5200)
        usage.note_use(WORKSPACE, 0, -10_000)
        assert usage.read_measured([WORKSPACE])[WORKSPACE].artifact_bytes == 0
        usage.keep_measured(WORKSPACE, MEASURED, {})
        assert usage.read_measured([WORKSPACE])[WORKSPACE] == MEASURED
        assert usage.read_measured([OTHER_WORKSPACE])[OTHER_WORKSPACE] == MeasuredUse()

    def test_what_is_measured_of_a_workspace_that_is_gone_is_dropped(self, usage: UsageStore) -> None:
        """It may have been removed while its files were counted."""
        usage.keep_measured(WORKSPACE, MEASURED, {"1": FilesUse(1, 1)})
        assert usage.read_measured([WORKSPACE])[WORKSPACE] == MeasuredUse()
