"""The contract of the store for the trash; what holds for all stores stands in ``base.py``.

A thing in the trash is taken away in steps. :meth:`TrashStore.claim` makes it vanish: nobody finds it or
brings it back any more. :meth:`TrashStore.strip` and the metric store's ``take_run`` remove what hangs on it,
some at a time. :meth:`TrashStore.bury` removes the rest and notes where its artifacts lie, in the same
transaction, so that they are deleted after the thing is gone and never before. A process that dies on the way
leaves a thing that has been claimed, or artifacts that are noted; the next collection goes on with them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from runyard.entities.trash import Retention, Trashed
from runyard.entities.workspace import Workspace
from runyard.stores.artifacts.paths import ArtifactPath
from runyard.stores.rows import NOTHING_TAKEN, Taken


@dataclass(frozen=True, slots=True)
class Claims:
    """What else still needs a folder of artifacts that is to be deleted, or something in it.

    Args:
        is_inside: Whether it lies within the artifacts of something that is not removed.
        kept: The folders below it that belong to something that is not removed.
    """

    is_inside: bool = False
    kept: Sequence[ArtifactPath] = ()


@dataclass(frozen=True, slots=True)
class Stripped:
    """Rows of a thing in the trash that are gone, or would be.

    Args:
        others: All but the next.
        of_traces: Those of traces, with what hangs on them.
        traces: How many traces were among these.
    """

    others: Taken = NOTHING_TAKEN
    of_traces: Taken = NOTHING_TAKEN
    traces: int = 0

    @property
    def rows(self) -> int:
        """How many rows of both."""
        return self.others.rows + self.of_traces.rows

    @property
    def is_over(self) -> bool:
        """Whether none are left of either."""
        return self.others.is_over and self.of_traces.is_over

    def __add__(self, other: Stripped) -> Stripped:
        return Stripped(
            self.others + other.others, self.of_traces + other.of_traces, self.traces + other.traces
        )


class TrashStore(ABC):
    """Finds what is in the trash, and takes it away for good."""

    @abstractmethod
    def list_trash(self, workspace: str, limit: int, offset: int = 0) -> list[Trashed]:
        """Return what can be brought back, the last deleted first."""

    @abstractmethod
    def list_removable(
        self, workspace: str, retentions: Sequence[Retention] | None, limit: int, offset: int = 0
    ) -> list[Trashed]:
        """Return what a collection may take: what one has begun with first, then experiments, runs, models.

        With ``None`` in place of ``retentions``, all that there is, in the trash or not. Several of them must
        speak of different experiments.

        An experiment is among them only if all that lies in it is, and never the default one; the logged
        models of such an experiment are among them whether or not they were deleted by themselves.
        """

    @abstractmethod
    def claim(self, workspace: str, item: Trashed, retentions: Sequence[Retention]) -> bool:
        """Let nobody find or restore it any more, unless it was restored or has to stay; say whether so."""

    @abstractmethod
    def strip(self, item: Trashed) -> Stripped:
        """Remove some of what hangs on it, but for metrics, as much as takes a moment."""

    @abstractmethod
    def measure(self, item: Trashed) -> Stripped:
        """Return what :meth:`strip` and :meth:`bury` would remove in all."""

    @abstractmethod
    def bury(self, workspace: str, item: Trashed, now_ms: int) -> Taken:
        """Remove what was claimed and stripped, and note where its artifacts lie.

        Nothing happens to an experiment in which something lies, be it a run, a model or a dataset.
        """

    @abstractmethod
    def claims_if_removed(self, workspace: str, item: Trashed) -> Claims:
        """Return what would still need something of its artifacts; what lies in it goes by itself."""

    @abstractmethod
    def take_unused_datasets(self, workspace: str, retention: Retention) -> Taken:
        """Remove some of the datasets that no run reads any more, as many as takes a moment."""

    @abstractmethod
    def measure_unused_datasets(self, workspace: str, retention: Retention | None) -> Taken:
        """Return what :meth:`take_unused_datasets` would remove once all that is removable is gone."""

    @abstractmethod
    def list_removed_artifacts(self, workspace: str, now_ms: int) -> list[ArtifactPath]:
        """Return where artifacts of what is gone are to be deleted; paths begin with the workspace.

        Those of the last day come again after a while: an upload may have been on its way.
        """

    @abstractmethod
    def begin_emptying(self, path: ArtifactPath) -> Claims | None:
        """Return what else needs something of a folder of removed artifacts that is about to be deleted.

        Until :meth:`note_emptied` nobody can begin to keep anything in it. ``None``: somebody has meanwhile.
        """

    @abstractmethod
    def find_kept(self, path: ArtifactPath) -> Sequence[ArtifactPath]:
        """Return the folders at or below a path in which something that is not removed keeps artifacts."""

    @abstractmethod
    def note_emptied(self, path: ArtifactPath, now_ms: int, is_forgotten: bool = False) -> None:
        """Note that removed artifacts are deleted, or that the folder belongs to something else."""

    @abstractmethod
    def use_again(self, path: ArtifactPath) -> None:
        """Let something new keep its artifacts in a folder, or below one, whose artifacts were removed.

        Raises:
            InvalidState: They are not deleted yet.
        """

    @abstractmethod
    def is_removed(self, workspace: Workspace, path: ArtifactPath) -> bool:
        """Whether a workspace was removed, or something in the last 30 days in whose artifacts a path lies.

        What is uploaded there would be found by nobody and never be deleted. What something that is not
        removed keeps within them is its own.
        """

    @abstractmethod
    def forget_old_removals(self, now_ms: int) -> None:
        """Forget where artifacts lay that were deleted more than 30 days ago."""

    @abstractmethod
    def claim_workspace(self, name: str, now_ms: int) -> bool:
        """Take a workspace's address away, and all that lies in it with it; say whether there is one."""

    @abstractmethod
    def bury_workspace(self, name: str) -> bool:
        """Remove a claimed workspace with its API keys, unless something lies in it; say whether so."""

    @abstractmethod
    def database_bytes(self) -> int:
        """Return how long the database is on its disk, free room in it included."""
