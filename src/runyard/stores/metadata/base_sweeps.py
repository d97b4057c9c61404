"""The contract of the store of sweeps and their trials; ``base.py`` says what holds for all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runyard.entities.sweep import Sweep, Trial, TrialStatus


@dataclass(frozen=True, slots=True)
class SweepSearch:
    """Which sweeps of a workspace are wanted, the latest submitted first.

    Args:
        workspace: Where.
        limit: How many at most.
        offset: How many of the answer to skip.
        experiment_ids: Only those of these experiments; ``None`` for all.
    """

    workspace: str
    limit: int
    offset: int = 0
    experiment_ids: frozenset[str] | None = None


class SweepStore(ABC):
    """Remembers sweeps by the id of their run, and their trials; they go when that run is removed."""

    @abstractmethod
    def add_sweep(self, sweep: Sweep) -> None:
        """Keep a new sweep of a run that is there.

        Raises:
            AlreadyExists: The run has a sweep.
            NotFound: There is no such run.
        """

    @abstractmethod
    def find_sweep(self, run_id: str) -> Sweep | None:
        """Return a sweep of any workspace; it is held until the transaction ends if that may write."""

    @abstractmethod
    def search_sweeps(self, search: SweepSearch) -> list[Sweep]:
        """Return sweeps of a workspace, the latest submitted first."""

    @abstractmethod
    def list_running(self) -> list[Sweep]:
        """Return the sweeps of all workspaces that are not over, the first submitted first."""

    @abstractmethod
    def update_sweep(self, run_id: str, **changes: Any) -> None:
        """Change fields of a sweep: all but its ids, its spec and who submitted it when.

        Raises:
            NotFound: There is no such sweep.
        """

    @abstractmethod
    def add_trial(self, trial: Trial) -> None:
        """Keep a new trial.

        Raises:
            AlreadyExists: The sweep has a trial of this number.
            NotFound: There is no such sweep.
        """

    @abstractmethod
    def list_trials(self, sweep_id: str, limit: int | None = None, offset: int = 0) -> Sequence[Trial]:
        """Return trials of a sweep by number; none if there is no such sweep."""

    @abstractmethod
    def update_trial(self, sweep_id: str, number: int, **changes: Any) -> None:
        """Change the status, the value or ``is_stopped`` of a trial.

        Raises:
            NotFound: There is no such trial.
        """

    @abstractmethod
    def count_trials(self, sweep_ids: Collection[str]) -> Mapping[str, Mapping[TrialStatus, int]]:
        """Return how many trials of each status some sweeps have; none where there are none."""

    @abstractmethod
    def value_ranges(self, sweep_ids: Collection[str]) -> Mapping[str, tuple[float, float]]:
        """Return the lowest and the highest value of the trials of some sweeps, those that failed left out.

        A sweep without a value is left out.
        """
