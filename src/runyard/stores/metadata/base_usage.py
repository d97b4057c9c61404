"""The contract of the store for usage; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from runyard.entities.usage import ContentUse, ExperimentUse, FilesUse, MeasuredUse


@dataclass(frozen=True, slots=True)
class ArtifactOwners:
    """Whose the artifacts of a workspace are.

    Args:
        locations: Where experiments keep what lies in them, by id.
        deleted_experiments: The ids of those in the trash.
        deleted: The ids of runs and logged models in the trash, which are names of folders.
        registered: The folders that versions of registered models keep, below the workspace's artifacts.
    """

    locations: Mapping[str, str]
    deleted_experiments: Collection[str]
    deleted: Collection[str]
    registered: Collection[str]


class UsageStore(ABC):
    """Counts what workspaces hold, and remembers what was measured of them.

    What is being removed is not counted any more.
    """

    @abstractmethod
    def count_contents(self, workspaces: Sequence[str]) -> dict[str, ContentUse]:
        """Return what each of the workspaces holds now."""

    @abstractmethod
    def count_points(self, workspace: str) -> int:
        """Return how many points of metrics a workspace has; what was logged twice may count twice."""

    @abstractmethod
    def measure_traces(self, workspace: str, at_once: int) -> Iterator[int]:
        """Yield how many bytes the rows of a workspace's traces hold, for so many of them at a time.

        Each step reads on its own, so that whoever asks may rest between two of them.
        """

    @abstractmethod
    def rank_by_runs(self, workspaces: Sequence[str], limit: int) -> list[ExperimentUse]:
        """Return the experiments with the most runs, those with the most first."""

    @abstractmethod
    def rank_by_bytes(self, workspaces: Sequence[str], limit: int) -> list[ExperimentUse]:
        """Return the experiments with the most bytes of artifacts, as measured, the largest first."""

    @abstractmethod
    def find_owners(self, workspace: str) -> ArtifactOwners:
        """Return whose the artifacts of a workspace are."""

    @abstractmethod
    def read_measured(self, workspaces: Sequence[str]) -> dict[str, MeasuredUse]:
        """Return what was measured of each workspace, with what was noted since."""

    @abstractmethod
    def claim_measuring(self, workspace: str, now_ms: int, every_ms: int, within_ms: int) -> bool:
        """Say whether the caller is to measure a workspace now: nobody has for a while and nobody is at it.

        Args:
            workspace: Which one.
            now_ms: Milliseconds since the epoch.
            every_ms: It is not due before so long after the last time.
            within_ms: After so long another one may begin in place of the caller.
        """

    @abstractmethod
    def keep_measured(
        self, workspace: str, measured: MeasuredUse, experiments: Mapping[str, FilesUse]
    ) -> None:
        """Keep what was measured in place of what was before, and forget what was noted before.

        What is noted between :meth:`claim_measuring` and this counts twice until the next time, or not at
        all: nobody can tell whether it was seen.
        """

    @abstractmethod
    def note_use(self, workspace: str, points: int, size_bytes: int) -> None:
        """Add what was logged and uploaded, or take off what was removed, until the next measuring."""
