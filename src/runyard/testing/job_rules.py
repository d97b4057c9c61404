"""The rules that every store of jobs, of compute targets and of snapshots must pass."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.compute_target import LOCAL, ComputeTarget, Outage
from runyard.entities.environment import CondaSpec, EnvironmentSpec, PythonSpec
from runyard.entities.job import SCRIPT_TAG, Job, JobSpec, JobStatus
from runyard.errors import AlreadyExists, NotFound
from runyard.protocol.ordering import parse_job_order
from runyard.stores.metadata.base_jobs import (
    ComputeTargetStore,
    JobSearch,
    JobStore,
    Snapshot,
    SnapshotStore,
)
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest, new_run

CODE = "c" * 64
TARGET = ComputeTarget(
    WORKSPACE, "pool", LOCAL, 2, False, "d", {"k": "v"}, NOW_MS, "ann", {"host": "h", "port": 22}, "sealed:x"
)


@dataclass(frozen=True, slots=True)
class JobsUnderTest:
    """The three stores, and those that they share a database with."""

    jobs: JobStore
    targets: ComputeTargetStore
    snapshots: SnapshotStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()

    def add_job(self, digit: str = "a", workspace: str = WORKSPACE, **changes: Any) -> Job:
        """Keep a job and its run, the id of which is 32 times a digit; return the job."""
        name = f"of {digit}"
        run = new_run(self.metadata.add_experiment(name, workspace), digit * 32)
        self.metadata.runs.add_run(run, {})
        made = replace(new_job(digit, workspace), experiment_id=run.experiment_id, **changes)
        self.jobs.add_job(made)
        return made


def new_job(digit: str = "a", workspace: str = WORKSPACE) -> Job:
    """Return a job that waits, as a service would make it."""
    return Job(
        run_id=digit * 32,
        workspace=workspace,
        experiment_id="1",
        compute="pool",
        spec=JobSpec(snapshot=CODE, script="a.py"),
        status=JobStatus.QUEUED,
        submitted_ms=NOW_MS,
        principal_id="p",
        submitted_by="ann",
        seen_ms=NOW_MS,
    )


class JobStoreRules(ABC):
    """Inherit, and implement the hook, to hold the three stores to their contracts."""

    @abstractmethod
    def open_jobs(self, folder: Path) -> JobsUnderTest:
        """Return stores that keep their things in ``folder``, and find there what others kept."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[JobsUnderTest]:
        """Return stores with two workspaces and nothing else."""
        with contextlib.closing(self.open_jobs(tmp_path)) as store:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                store.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield store

    def test_every_part_of_a_job_is_kept(self, tmp_path: Path, store: JobsUnderTest) -> None:
        """Here and in another process."""
        spec = JobSpec(
            snapshot=CODE,
            script="src/ä b.py",
            arguments=("$(x)", "'\"", "\n", "😀", ""),
            command=("a", "-b"),
            environment=EnvironmentSpec(PythonSpec(conda=CondaSpec(("c",), ("python=3.11",), ("numpy",)))),
            environment_name="train",
            environment_version=3,
            variables={"A": "é\n"},
            slots=2,
            max_duration_s=60,
            max_attempts=4,
            priority=-5,
            is_azureml=True,
        )
        made = store.add_job(
            spec=spec, status=JobStatus.LOST, reason="r", started_ms=5, ended_ms=6, exit_code=-9
        )
        assert store.jobs.find_job("a" * 32) == made
        with contextlib.closing(self.open_jobs(tmp_path)) as again:
            assert again.jobs.find_job("a" * 32) == made

    def test_a_run_has_one_job(self, store: JobsUnderTest) -> None:
        """And a job has a run."""
        made = store.add_job()
        with pytest.raises(AlreadyExists):
            store.jobs.add_job(made)
        with pytest.raises(NotFound):
            store.jobs.add_job(new_job("b"))
        assert store.jobs.find_job("b" * 32) is None
        other = store.add_job("c")
        found = store.jobs.find_jobs([made.run_id, "b" * 32, other.run_id])
        assert found == {made.run_id: made, other.run_id: other}
        assert store.jobs.find_jobs([]) == {}

    def test_jobs_are_found_by_place_and_state(self, store: JobsUnderTest) -> None:
        """The latest submitted comes first."""
        first = store.add_job("a")
        second = store.add_job("b", submitted_ms=NOW_MS + 1, compute="local", status=JobStatus.RUNNING)
        third = store.add_job("c", submitted_ms=NOW_MS + 2, status=JobStatus.FAILED)
        store.add_job("d", OTHER_WORKSPACE)

        def found(limit: int = 10, offset: int = 0, **wanted: Any) -> list[Job]:
            return store.jobs.search_jobs(JobSearch(WORKSPACE, limit, offset, **wanted))

        assert found() == [third, second, first]
        assert found(1, 1) == [second]
        assert found(compute="pool") == [third, first]
        assert found(statuses=frozenset({JobStatus.QUEUED, JobStatus.RUNNING})) == [second, first]
        assert found(experiment_ids=frozenset({first.experiment_id})) == [first]
        assert found(experiment_ids=frozenset()) == []

    def test_jobs_are_sorted(self, store: JobsUnderTest) -> None:
        """What has no value comes last either way, and among those alike the latest submitted first."""
        store.add_job("a", started_ms=NOW_MS, submitted_by="zoë")
        store.add_job("b", compute="local", status=JobStatus.RUNNING)
        store.add_job("c", submitted_ms=NOW_MS + 1, started_ms=NOW_MS - 9, ended_ms=NOW_MS - 4)

        def found(*order: str) -> str:
            search = JobSearch(WORKSPACE, 9, order=parse_job_order(order), now_ms=NOW_MS + 7)
            return "".join(job.run_id[0] for job in store.jobs.search_jobs(search))

        assert (found("run_name"), found("run_name DESC")) == ("abc", "cba")
        assert (found("submitted_ms"), found("submitted_ms DESC")) == ("abc", "cba")
        assert (found("duration_ms"), found("duration_ms DESC")) == ("cab", "acb")
        assert (found("started_ms"), found("ended_ms DESC"), found("submitted_by DESC")) == (
            "cab",
            "cba",
            "acb",
        )
        assert (found("compute"), found("status DESC"), found("compute DESC", "priority", "run_name")) == (
            "bca",
            "bca",
            "acb",
        )

    def test_jobs_are_found_by_a_text(self, store: JobsUnderTest) -> None:
        """In the run's name or id, what it runs, or who submitted it; nothing in it is special."""
        store.add_job("a", submitted_by="Zoë")
        store.add_job("b")
        store.metadata.runs.set_tags("b" * 32, {SCRIPT_TAG: "src/Train_50%.py"})

        def found(text: str) -> str:
            return "".join(
                job.run_id[0] for job in store.jobs.search_jobs(JobSearch(WORKSPACE, 9, text=text))
            )

        assert (found("zoë"), found("ZOË"), found("train_50%"), found("name of BBB")) == ("a", "a", "b", "b")
        assert (found("bbbb"), found("train_5_"), found("%"), found("name of"), found("")) == (
            "b",
            "",
            "b",
            "ba",
            "ba",
        )
        assert store.jobs.run_names(["a" * 32, "f" * 32]) == {"a" * 32: f"name of {'a' * 32}"}

    def test_those_that_are_not_over_come_in_the_order_of_their_begin(self, store: JobsUnderTest) -> None:
        """By priority, then by when they were submitted, whatever the workspace."""
        store.add_job("a")
        store.add_job("b", submitted_ms=NOW_MS - 1)
        store.add_job("c", OTHER_WORKSPACE, submitted_ms=NOW_MS + 1, spec=JobSpec(script="x", priority=1))
        for digit, status in zip("def", (each for each in JobStatus if each.is_over), strict=True):
            store.add_job(digit, status=status)
        store.add_job("0", submitted_ms=NOW_MS + 2, status=JobStatus.LOST)
        assert "".join(job.run_id[0] for job in store.jobs.list_active()) == "cba0"

    def test_slots_are_taken_by_what_was_begun_and_is_not_over(self, store: JobsUnderTest) -> None:
        """Of this target in this workspace, be the job lost or not."""
        for slots, (digit, status) in enumerate(zip("01234567", JobStatus, strict=True), 1):
            store.add_job(digit, status=status, spec=JobSpec(script="x", slots=10**slots))
        store.add_job("a", OTHER_WORKSPACE, status=JobStatus.RUNNING)
        store.add_job("b", status=JobStatus.RUNNING, compute="other")
        held = [10**slots for slots, status in enumerate(JobStatus, 1) if status.holds_slots]
        assert (len(held), store.jobs.slots_taken(WORKSPACE, "pool")) == (4, sum(held))
        assert store.jobs.slots_taken(OTHER_WORKSPACE, "pool") == 1
        assert store.jobs.slots_taken(WORKSPACE, "none") == 0

    def test_what_happens_to_a_job_is_kept(self, store: JobsUnderTest) -> None:
        """Only that, and of that job alone."""
        other = store.add_job("b")
        made = store.add_job()
        changes: dict[str, Any] = {
            "status": JobStatus.RUNNING,
            "attempt": 2,
            "started_ms": 7,
            "seen_ms": 8,
            "canceled_ms": 9,
            "exit_code": 1,
            "reason": "é",
            "host": "h",
            "launched": "local:x",
            "agent_id": "g",
            "key_sha256": "k",
        }
        store.jobs.update_job(made.run_id, **changes)
        assert store.jobs.find_job(made.run_id) == replace(made, **changes)
        assert store.jobs.find_job(other.run_id) == other
        with pytest.raises(TypeError, match="spec"):
            store.jobs.update_job(made.run_id, spec=JobSpec())
        with pytest.raises(NotFound):
            store.jobs.update_job("9" * 32, reason="")

    def test_a_change_that_is_rolled_back_has_not_been(self, store: JobsUnderTest) -> None:
        """A job is part of the transaction of whoever changes it."""
        made = store.add_job()
        with contextlib.suppress(KeyError), store.metadata.atomic():
            store.jobs.update_job(made.run_id, attempt=9)
            raise KeyError
        assert store.jobs.find_job(made.run_id) == made

    def test_targets_are_kept_by_name(self, tmp_path: Path, store: JobsUnderTest) -> None:
        """In each workspace apart."""
        other = replace(TARGET, workspace=OTHER_WORKSPACE, slots=9)
        assert store.targets.add_target(TARGET)
        assert store.targets.add_target(other)
        assert not store.targets.add_target(replace(TARGET, slots=7))
        assert store.targets.find_target(WORKSPACE, "pool") == TARGET
        assert store.targets.find_target(WORKSPACE, "Pool") is None
        first = replace(TARGET, name="a")
        assert store.targets.add_target(first)
        assert store.targets.list_targets(WORKSPACE) == [first, TARGET]
        assert store.targets.list_targets() == [other, first, TARGET]
        changed = replace(TARGET, slots=3, is_paused=True, description="", tags={}, settings={}, sealed="")
        changed = replace(changed, is_leaving=True)
        store.targets.update_target(changed)
        with contextlib.closing(self.open_jobs(tmp_path)) as again:
            assert again.targets.list_targets() == [other, first, changed]
        assert store.targets.remove_target(WORKSPACE, "pool")
        assert not store.targets.remove_target(WORKSPACE, "pool")
        with pytest.raises(NotFound, match="pool"):
            store.targets.update_target(changed)
        assert store.targets.find_target(OTHER_WORKSPACE, "pool") == other

    def test_an_outage_of_a_target_lasts_from_its_first_notice(
        self, tmp_path: Path, store: JobsUnderTest
    ) -> None:
        """Whoever notes it again; what changes of the target meanwhile leaves it as it is."""
        other = replace(TARGET, name="other")
        for each in (TARGET, other):
            assert store.targets.add_target(each)
        store.targets.note_outage(WORKSPACE, "pool", "No answer: é.", NOW_MS)
        with contextlib.closing(self.open_jobs(tmp_path)) as again:
            again.targets.note_outage(WORKSPACE, "pool", "Refused.", NOW_MS + 1)
        store.targets.update_target(TARGET)
        outage = Outage(NOW_MS, "Refused.")
        assert store.targets.list_targets() == [other, replace(TARGET, outage=outage)]
        for _ in range(2):
            store.targets.end_outage(WORKSPACE, "pool")
            assert store.targets.find_target(WORKSPACE, "pool") == TARGET
        # A target may be deleted while it is tried.
        store.targets.note_outage(WORKSPACE, "none", "Refused.", NOW_MS)
        store.targets.end_outage(WORKSPACE, "none")
        assert store.targets.list_targets() == [other, TARGET]

    def test_code_is_needed_while_a_job_names_it(self, store: JobsUnderTest) -> None:
        """And for a while after it was uploaded or used."""
        kept = Snapshot(WORKSPACE, CODE, 10)
        elsewhere = Snapshot(OTHER_WORKSPACE, CODE, 10)
        for each in (kept, elsewhere, Snapshot(WORKSPACE, "d" * 64, 11)):
            store.snapshots.keep(each, NOW_MS)
        store.snapshots.keep(Snapshot(WORKSPACE, "e" * 64, 12), NOW_MS + 100)
        store.add_job()
        assert store.snapshots.find_snapshot(WORKSPACE, CODE) == kept
        assert store.snapshots.find_snapshot(WORKSPACE, "f" * 64) is None
        assert store.snapshots.list_unneeded(NOW_MS, 10) == []
        unneeded = store.snapshots.list_unneeded(NOW_MS + 1, 10)
        assert {(each.workspace, each.sha256[0]) for each in unneeded} == {
            (OTHER_WORKSPACE, "c"),
            (WORKSPACE, "d"),
        }
        assert len(store.snapshots.list_unneeded(NOW_MS + 1, 1)) == 1
        store.snapshots.keep(elsewhere, NOW_MS + 50)
        forgotten = store.snapshots.forget([*unneeded, kept], NOW_MS + 1)
        assert [each.sha256[0] for each in forgotten] == ["d"]
        assert store.snapshots.find_snapshot(WORKSPACE, "d" * 64) is None
        assert store.snapshots.find_snapshot(OTHER_WORKSPACE, CODE) == elsewhere
