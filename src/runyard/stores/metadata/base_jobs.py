"""The contracts of the stores of jobs, compute targets and code; ``base.py`` says what holds for all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from runyard.entities.compute_target import ComputeTarget
from runyard.entities.job import Job, JobStatus
from runyard.protocol.ordering import Order


@dataclass(frozen=True, slots=True)
class JobSearch:
    """Which jobs of a workspace are wanted, and in which order.

    Args:
        workspace: Where.
        limit: How many at most.
        offset: How many of the answer to skip.
        compute: Only those of this target.
        experiment_ids: Only those of these experiments; ``None`` for all.
        statuses: Only those that are in one of these states; empty for all.
        text: Only those with this in the name or id of their run, its tag of what it runs, or the name of who
            submitted them, whatever the case of its letters; empty for all.
        order: What they are sorted by; the latest submitted comes first, and so where they are alike.
        now_ms: Until when a job lasts, in an order, that has not ended.
    """

    workspace: str
    limit: int
    offset: int = 0
    compute: str | None = None
    experiment_ids: frozenset[str] | None = None
    statuses: frozenset[JobStatus] = frozenset()
    text: str = ""
    order: tuple[Order, ...] = ()
    now_ms: int = 0


class JobStore(ABC):
    """Remembers jobs by the id of their run; one goes when its run is removed for good."""

    @abstractmethod
    def add_job(self, job: Job) -> None:
        """Keep a new job of a run that is there.

        Raises:
            AlreadyExists: The run has a job.
            NotFound: There is no such run.
        """

    @abstractmethod
    def find_job(self, run_id: str) -> Job | None:
        """Return a job of any workspace; it is held until the transaction ends if that may write."""

    @abstractmethod
    def find_jobs(self, run_ids: Collection[str]) -> dict[str, Job]:
        """Return jobs by their ids in one look, without holding them; what is not there is left out."""

    @abstractmethod
    def search_jobs(self, search: JobSearch) -> list[Job]:
        """Return jobs of a workspace in the order that is asked for; what has no value for it comes last."""

    @abstractmethod
    def run_names(self, run_ids: Collection[str]) -> dict[str, str]:
        """Return what the runs of jobs are called, by their ids; those that are not there are left out."""

    @abstractmethod
    def list_active(self) -> list[Job]:
        """Return the jobs of all workspaces that are not over, in the order in which they are begun."""

    @abstractmethod
    def slots_taken(self, workspace: str, compute: str) -> int:
        """Return how many slots of a target the jobs have that were begun and are not over."""

    @abstractmethod
    def update_job(self, run_id: str, **changes: Any) -> None:
        """Change fields of a job: all but its ids, its spec and who submitted it when.

        Raises:
            NotFound: There is no such job.
        """


class ComputeTargetStore(ABC):
    """Remembers compute targets by workspace and name."""

    @abstractmethod
    def add_target(self, target: ComputeTarget) -> bool:
        """Keep a new target; return whether the name was free."""

    @abstractmethod
    def update_target(self, target: ComputeTarget) -> None:
        """Keep what has changed of a target, but for its outage.

        Raises:
            NotFound: There is no such target.
        """

    @abstractmethod
    def note_outage(self, workspace: str, name: str, reason: str, now_ms: int) -> None:
        """Note that a target, if it is there, can't be reached: since now, unless that was noted before."""

    @abstractmethod
    def end_outage(self, workspace: str, name: str) -> None:
        """Note that a target, if it is there, was reached."""

    @abstractmethod
    def find_target(self, workspace: str, name: str) -> ComputeTarget | None:
        """Return a target."""

    @abstractmethod
    def list_targets(self, workspace: str | None = None) -> list[ComputeTarget]:
        """Return the targets of a workspace, or of all, by name."""

    @abstractmethod
    def remove_target(self, workspace: str, name: str) -> bool:
        """Forget a target; return whether it was there."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Code that is kept: the hash of its archive, and how large that is."""

    workspace: str
    sha256: str
    size_bytes: int


class SnapshotStore(ABC):
    """Remembers which code is kept; the archives themselves lie among the artifacts."""

    @abstractmethod
    def keep(self, snapshot: Snapshot, now_ms: int) -> None:
        """Note that the archive is there and was needed now."""

    @abstractmethod
    def find_snapshot(self, workspace: str, sha256: str) -> Snapshot | None:
        """Return what is known of an archive; it is held until the transaction ends if that may write."""

    @abstractmethod
    def list_unneeded(self, used_before_ms: int, limit: int) -> Sequence[Snapshot]:
        """Return archives that no job names and that were not needed since."""

    @abstractmethod
    def forget(self, unneeded: Collection[Snapshot], used_before_ms: int) -> list[Snapshot]:
        """Forget archives that are still unneeded, and return those; who comes later uploads them again."""
