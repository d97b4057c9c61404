"""The contract of the store for registered models; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from runyard.entities.registered_model import RegisteredModel
from runyard.stores.metadata.base import Search


class RegisteredModelStore(ABC):
    """Remembers registered models with their tags and aliases; names are unique in a workspace.

    A model that is held in a transaction holds its versions and aliases too: who changes them gets it first.
    Prompts are models with MLflow's tag for them. A search finds either prompts or everything else.
    """

    @abstractmethod
    def add_registered_model(self, model: RegisteredModel) -> bool:
        """Keep a new model with its tags, or do nothing if its name is taken; say whether."""

    @abstractmethod
    def get_registered_model(self, workspace: str, name: str) -> RegisteredModel:
        """Return a model with its tags, its aliases and the latest version of each stage.

        Raises:
            NotFound: The workspace has no such model.
        """

    @abstractmethod
    def describe_registered_model(self, workspace: str, name: str, description: str, now_ms: int) -> None:
        """Give a model another description."""

    @abstractmethod
    def rename_registered_model(self, workspace: str, name: str, new_name: str, now_ms: int) -> None:
        """Give a model another name, which counts as a change of all its versions.

        Raises:
            AlreadyExists: Another model of the workspace has this name.
        """

    @abstractmethod
    def delete_registered_model(self, workspace: str, name: str, now_ms: int) -> None:
        """Forget a model for good with all its versions.

        The folder of a version that nobody needs any more is noted as removed, for the next collection.
        """

    @abstractmethod
    def take_registered_models(self, workspace: str, limit: int) -> int:
        """Forget some of the versions and models of a workspace that goes as a whole, and return how many."""

    @abstractmethod
    def set_registered_model_tag(self, workspace: str, name: str, key: str, value: str) -> None:
        """Set one tag, over an older value."""

    @abstractmethod
    def delete_registered_model_tag(self, workspace: str, name: str, key: str) -> bool:
        """Delete one tag and return whether it was there."""

    @abstractmethod
    def set_alias(self, workspace: str, name: str, alias: str, version: int) -> None:
        """Let an alias point to a version that is there, wherever it pointed before."""

    @abstractmethod
    def delete_alias(self, workspace: str, name: str, alias: str) -> bool:
        """Delete one alias and return whether it was there."""

    @abstractmethod
    def find_aliased(self, workspace: str, name: str, alias: str) -> int | None:
        """Return the version that an alias points to."""

    @abstractmethod
    def search_registered_models(self, search: Search) -> Sequence[RegisteredModel]:
        """Return a page of models with all that hangs on them, by name unless an order is asked for."""
