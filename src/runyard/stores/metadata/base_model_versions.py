"""The contract of the store for versions of models; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from runyard.entities.registered_model import ModelVersion, Stage
from runyard.stores.metadata.base import Search


class ModelVersionStore(ABC):
    """Remembers the versions of registered models with their tags.

    A version that is gone leaves nothing but its number, which no other version of its model is given.
    """

    @abstractmethod
    def add_model_version(self, version: ModelVersion) -> ModelVersion:
        """Return the new version with the next number of its model, whatever it had; a change of that model.

        Raises:
            NotFound: The workspace has no model of its name.
        """

    @abstractmethod
    def import_model_version(self, version: ModelVersion) -> bool:
        """Keep a version under its own number, or do nothing if its model is past that; say whether.

        Raises:
            NotFound: The workspace has no model of its name.
        """

    @abstractmethod
    def count_model_versions(self, workspace: str, names: Sequence[str]) -> Mapping[str, int]:
        """Return how many versions each of the models has that are there."""

    @abstractmethod
    def get_model_version(self, workspace: str, name: str, version: int) -> ModelVersion:
        """Return a version with its tags and aliases; in a transaction that may write its model is held.

        Raises:
            NotFound: The workspace has no such version.
        """

    @abstractmethod
    def find_latest_version(self, workspace: str, name: str) -> ModelVersion | None:
        """Return the version with the highest number."""

    @abstractmethod
    def find_version_at(self, workspace: str, path: str) -> ModelVersion | None:
        """Return a version whose folder is ``path`` or holds it, without tags and aliases."""

    @abstractmethod
    def describe_model_version(
        self, workspace: str, name: str, version: int, description: str | None, now_ms: int
    ) -> None:
        """Give a version another description, or none."""

    @abstractmethod
    def move_model_version(self, workspace: str, name: str, version: int, stage: Stage, now_ms: int) -> None:
        """Move a version to another stage, a change of its model too."""

    @abstractmethod
    def archive_others(self, workspace: str, name: str, version: int, stage: Stage, now_ms: int) -> None:
        """Move all other versions that are in a stage to the archive."""

    @abstractmethod
    def delete_model_version(self, workspace: str, name: str, version: int, now_ms: int) -> None:
        """Forget a version for good with its tags and aliases; a change of its model.

        Its folder, if nobody needs it any more, is noted as removed, for the next collection.
        """

    @abstractmethod
    def set_model_version_tags(
        self, workspace: str, name: str, version: int, tags: Mapping[str, str]
    ) -> None:
        """Set tags, over older values."""

    @abstractmethod
    def delete_model_version_tag(self, workspace: str, name: str, version: int, key: str) -> bool:
        """Delete one tag and return whether it was there."""

    @abstractmethod
    def search_model_versions(self, search: Search) -> Sequence[ModelVersion]:
        """Return a page of versions, the last changed first unless an order is asked for; without aliases."""
