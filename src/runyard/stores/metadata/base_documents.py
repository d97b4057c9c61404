"""The contract for documents of runs: what a search shows of a run, kept as its makers made it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from runyard.stores.metadata.base import RunsFound


class RunDocumentStore(ABC):
    """Remembers one document a run, good for one revision of it; losing one costs only the making of it."""

    @abstractmethod
    def read(self, found: RunsFound) -> dict[int, bytes]:
        """Return what was kept of runs by their numbers, where it is of their present revision."""

    @abstractmethod
    def keep(self, documents: Mapping[int, tuple[int, bytes]], wait: bool = False) -> bool:
        """Keep a document of each run, by its number, made from the given revision of it.

        What is kept is the caller's to choose. Nothing fails: a run that has changed since is left out, and
        where the disk is full nothing is kept.

        Args:
            documents: The revision and the document of each run.
            wait: Whether to wait while others write; else nothing is kept then.

        Returns:
            Whether they were kept.
        """

    @abstractmethod
    def take_quiet(self, quiet_s: float, limit: int) -> list[int]:
        """Return the numbers of runs that this process has changed, but not within the last ``quiet_s``.

        Each is told once until it changes again, to one caller. It is a hint: some may be forgotten.
        """
