"""The rules that every store of sweeps must pass."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.job import JobSpec
from runyard.entities.sweep import (
    Distribution,
    DistributionKind,
    Goal,
    Sampling,
    StoppingKind,
    StoppingRule,
    Sweep,
    SweepSpec,
    SweepStatus,
    Trial,
    TrialStatus,
)
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.metadata.base_sweeps import SweepSearch, SweepStore
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest, new_run

SPEC = SweepSpec(
    job=JobSpec(script="ä b.py", snapshot="c" * 64, arguments=("$(x)", "\n")),
    compute="pool",
    parameters={
        "--lr": Distribution(DistributionKind.UNIFORM, low=0.1, high=2.5, is_log=True, step=0.1),
        "kind": Distribution(DistributionKind.CHOICE, (True, 1, 1.5, "é", "1")),
        "n": Distribution(DistributionKind.NORMAL, mean=1.0, deviation=2.0),
    },
    metric="loss",
    goal=Goal.MAXIMIZE,
    sampling=Sampling.BAYESIAN,
    seed=2**31 - 1,
    max_trials=7,
    max_concurrent=2,
    max_duration_s=60,
    stopping=StoppingRule(StoppingKind.BANDIT, 2, 3, 0.5),
    tags={"a": "b"},
)


@dataclass(frozen=True, slots=True)
class SweepsUnderTest:
    """The store, and those that it shares a database with."""

    sweeps: SweepStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()

    def add_sweep(self, digit: str = "a", workspace: str = WORKSPACE, **changes: Any) -> Sweep:
        """Keep a sweep and its run, the id of which is 32 times a digit; return the sweep."""
        run = new_run(self.metadata.add_experiment(f"of {digit}", workspace), digit * 32)
        self.metadata.runs.add_run(run, {})
        made = replace(new_sweep(digit, workspace), experiment_id=run.experiment_id, **changes)
        self.sweeps.add_sweep(made)
        return made

    def add_trial(self, sweep: Sweep, number: int, **changes: Any) -> Trial:
        """Keep a trial of a sweep, and return it."""
        made = replace(Trial(sweep.run_id, number, f"{number:032x}", {"--lr": 0.5, "kind": True}), **changes)
        self.sweeps.add_trial(made)
        return made


def new_sweep(digit: str = "a", workspace: str = WORKSPACE) -> Sweep:
    """Return a sweep that goes on, as a service would make it."""
    return Sweep(digit * 32, workspace, "1", SPEC, SweepStatus.RUNNING, NOW_MS, "p", "ann")


class SweepStoreRules(ABC):
    """Inherit, and implement the hook, to hold the store to its contract."""

    @abstractmethod
    def open_sweeps(self, folder: Path) -> SweepsUnderTest:
        """Return stores that keep their things in ``folder``, and find there what others kept."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SweepsUnderTest]:
        """Return stores with two workspaces and nothing else."""
        with contextlib.closing(self.open_sweeps(tmp_path)) as store:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                store.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield store

    def test_every_part_of_a_sweep_is_kept(self, tmp_path: Path, store: SweepsUnderTest) -> None:
        """Here and in another process, with the kind of each value."""
        made = store.add_sweep(
            status=SweepStatus.CANCELED, ended_ms=5, closed_ms=4, closed_as=SweepStatus.CANCELED, reason="é"
        )
        values = {"--lr": 1.0, "kind": "1", "a": 1, "b": True}
        trial = store.add_trial(
            made, 0, values=values, value=-0.5, status=TrialStatus.STOPPED, is_stopped=True
        )
        with contextlib.closing(self.open_sweeps(tmp_path)) as again:
            found = again.sweeps.find_sweep("a" * 32)
            assert found == made
            assert found is not None
            assert repr(found.spec) == repr(made.spec)
            (kept,) = again.sweeps.list_trials(made.run_id)
            assert (kept, repr(kept.values)) == (trial, repr(values))

    def test_a_run_has_one_sweep(self, store: SweepsUnderTest) -> None:
        """And a sweep has a run."""
        made = store.add_sweep()
        with pytest.raises(AlreadyExists):
            store.sweeps.add_sweep(made)
        with pytest.raises(NotFound):
            store.sweeps.add_sweep(new_sweep("b"))
        assert store.sweeps.find_sweep("b" * 32) is None

    def test_sweeps_are_found_by_place(self, store: SweepsUnderTest) -> None:
        """The latest submitted comes first; those that go on come in the order of their submission."""
        first = store.add_sweep("a")
        second = store.add_sweep("b", submitted_ms=NOW_MS + 1, status=SweepStatus.COMPLETED)
        third = store.add_sweep("c", submitted_ms=NOW_MS + 2)
        other = store.add_sweep("d", OTHER_WORKSPACE, submitted_ms=NOW_MS + 3)

        def found(limit: int = 10, offset: int = 0, ids: frozenset[str] | None = None) -> list[Sweep]:
            return store.sweeps.search_sweeps(SweepSearch(WORKSPACE, limit, offset, ids))

        assert found() == [third, second, first]
        assert found(1, 1) == [second]
        assert found(ids=frozenset({first.experiment_id})) == [first]
        assert found(ids=frozenset()) == []
        assert store.sweeps.list_running() == [first, third, other]

    def test_what_happens_to_a_sweep_is_kept(self, store: SweepsUnderTest) -> None:
        """Only that, and of that sweep alone."""
        made, other = store.add_sweep(), store.add_sweep("b")
        changes: dict[str, Any] = {
            "status": SweepStatus.FAILED,
            "ended_ms": 7,
            "closed_ms": 6,
            "closed_as": SweepStatus.FAILED,
            "reason": "r",
        }
        store.sweeps.update_sweep(made.run_id, **changes)
        assert store.sweeps.find_sweep(made.run_id) == replace(made, **changes)
        assert store.sweeps.find_sweep(other.run_id) == other
        with pytest.raises(TypeError, match="spec"):
            store.sweeps.update_sweep(made.run_id, spec=SPEC)
        with pytest.raises(NotFound):
            store.sweeps.update_sweep("9" * 32, reason="")

    def test_trials_come_by_number(self, store: SweepsUnderTest) -> None:
        """Each number once, and of each sweep apart."""
        made, other = store.add_sweep(), store.add_sweep("b")
        trials = [store.add_trial(made, number) for number in (0, 2, 1)]
        of_other = store.add_trial(other, 0)
        assert store.sweeps.list_trials(made.run_id) == [trials[0], trials[2], trials[1]]
        assert store.sweeps.list_trials(made.run_id, 1, 1) == [trials[2]]
        assert store.sweeps.list_trials(other.run_id) == [of_other]
        assert store.sweeps.list_trials("9" * 32) == []
        with pytest.raises(AlreadyExists):
            store.add_trial(made, 2)
        with pytest.raises(NotFound):
            store.add_trial(new_sweep("9"), 0)

    def test_what_became_of_a_trial_is_kept(self, store: SweepsUnderTest) -> None:
        """And counted."""
        made, other = store.add_sweep(), store.add_sweep("b")
        trials = [store.add_trial(each, number) for each in (made, other) for number in (0, 1)]
        store.sweeps.update_trial(made.run_id, 1, status=TrialStatus.COMPLETED, value=1e-300, is_stopped=True)
        changed = replace(trials[1], status=TrialStatus.COMPLETED, value=1e-300, is_stopped=True)
        assert store.sweeps.list_trials(made.run_id) == [trials[0], changed]
        assert store.sweeps.list_trials(other.run_id) == trials[2:]
        assert store.sweeps.count_trials([made.run_id, other.run_id, "9" * 32]) == {
            made.run_id: {TrialStatus.OPEN: 1, TrialStatus.COMPLETED: 1},
            other.run_id: {TrialStatus.OPEN: 2},
        }
        assert store.sweeps.value_ranges([made.run_id, other.run_id]) == {made.run_id: (1e-300, 1e-300)}
        for at, (status, value) in enumerate(
            [(TrialStatus.FAILED, -5.0), (TrialStatus.STOPPED, 0.5), (TrialStatus.CANCELED, -0.5)]
        ):
            store.add_trial(made, 10 + at)
            store.sweeps.update_trial(made.run_id, 10 + at, status=status, value=value)
        assert store.sweeps.value_ranges([made.run_id]) == {made.run_id: (-0.5, 0.5)}
        assert store.sweeps.value_ranges([]) == {}
        with pytest.raises(TypeError, match="run_id"):
            store.sweeps.update_trial(made.run_id, 1, run_id="")
        with pytest.raises(NotFound):
            store.sweeps.update_trial(made.run_id, 5, value=None)

    def test_a_change_that_is_rolled_back_has_not_been(self, store: SweepsUnderTest) -> None:
        """A trial is part of the transaction of whoever submits its job."""
        made = store.add_sweep()
        with contextlib.suppress(KeyError), store.metadata.atomic():
            store.add_trial(made, 0)
            raise KeyError
        assert store.sweeps.list_trials(made.run_id) == []
