"""The contract of the store of scorers; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from runyard.entities.scorer import OnlineScoring, ScorerVersion


class ScorerStore(ABC):
    """Remembers scorers by experiment and name, each in versions that count up.

    A scorer of which each version was deleted by itself is not found, but keeps its id.
    """

    @abstractmethod
    def register(self, scorer: ScorerVersion) -> ScorerVersion:
        """Keep the next version of a scorer and return it.

        Args:
            scorer: What to keep; its id counts if the experiment has no scorer of the name yet, and its
                version is passed over.
        """

    @abstractmethod
    def keep_versions(self, versions: Sequence[ScorerVersion]) -> bool:
        """Keep versions of one scorer with their numbers, but for those up to the last one that is here.

        Args:
            versions: At least one, the lowest number first; of one id, experiment and name.

        Returns:
            Whether the scorer was not here before.

        Raises:
            AlreadyExists: The experiment has another scorer of the name, or another one the id.
        """

    @abstractmethod
    def count_versions(self, workspace: str, scorer_ids: Sequence[str]) -> dict[str, int]:
        """Return how many versions those of the scorers have that the workspace has, by their ids."""

    @abstractmethod
    def get_version(self, experiment_id: str, name: str, version: int | None = None) -> ScorerVersion:
        """Return a version of a scorer, the last one unless it is named.

        Raises:
            NotFound: There is none.
        """

    @abstractmethod
    def list_versions(self, experiment_id: str, name: str) -> list[ScorerVersion]:
        """Return all versions of a scorer, the first one first.

        Raises:
            NotFound: There is none.
        """

    @abstractmethod
    def list_latest(self, workspace: str, experiment_ids: Sequence[str] | None) -> list[ScorerVersion]:
        """Return the last version of each scorer, by experiment and name.

        Args:
            workspace: Only scorers of its active experiments.
            experiment_ids: Only those of these experiments; ``None`` for all.
        """

    @abstractmethod
    def delete(self, experiment_id: str, name: str, version: int | None = None) -> None:
        """Remove a version of a scorer, or the scorer with all of them and what is said of it.

        Raises:
            NotFound: There is no such scorer or version.
        """

    @abstractmethod
    def set_online(self, said: OnlineScoring) -> None:
        """Keep what is said of a scorer's use on new traces, in place of what was said before."""

    @abstractmethod
    def list_online(
        self, workspace: str, scorer_ids: Sequence[str], experiment_ids: Sequence[str] | None
    ) -> list[OnlineScoring]:
        """Return what is said of scorers, by their ids; of those of other workspaces nothing is.

        Args:
            workspace: Where the scorers must be.
            scorer_ids: Which scorers.
            experiment_ids: Only those of these experiments; ``None`` for all.
        """
