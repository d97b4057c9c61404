"""The contract for what is done to many runs at once, and to parts of them; ``base.py`` has the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from runyard.entities.experiment import LifecycleStage
from runyard.stores.rows import Taken


@dataclass(frozen=True, slots=True)
class PairsTaken:
    """How many params and tags of a run are gone, and what they held."""

    params: int = 0
    tags: int = 0
    size_bytes: int = 0


class ManyRunsStore(ABC):
    """Moves runs to the trash and back, and removes parts of them for good."""

    @abstractmethod
    def move_runs(self, run_ids: Sequence[str], stage: LifecycleStage, now_ms: int) -> list[str]:
        """Move runs to the trash or back, and return those that were not there already.

        Those that are being taken away for good, or lie in an experiment that is, are passed over.
        """

    @abstractmethod
    def delete_pairs(self, run_id: str, params: Sequence[str], tags: Sequence[str]) -> PairsTaken:
        """Delete params and tags by their keys for good; keys that the run has not are passed over."""

    @abstractmethod
    def take_dataset(self, experiment_id: str, name: str, digest: str | None) -> Taken:
        """Remove a dataset from some of the runs that read it, and in the end the dataset itself.

        Args:
            experiment_id: The experiment of the runs.
            name: The dataset's name.
            digest: The dataset's digest; ``None`` for all of that name.
        """
