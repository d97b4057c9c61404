"""The contract of the store of environments; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

from runyard.entities.environment import Environment


class Registered(NamedTuple):
    """A version, and whether it is a new one."""

    environment: Environment
    is_new: bool


class EnvironmentStore(ABC):
    """Remembers environments by workspace and name, each in versions that count up and never change.

    An environment has each content once: registered again it is the version that it was, and the latest.
    """

    @abstractmethod
    def register(self, environment: Environment) -> Registered:
        """Keep a version and return it; its number is given here, whatever it had.

        What is said for all versions, the description and the tags, is kept for a new environment alone.
        """

    @abstractmethod
    def get_environment(self, workspace: str, name: str, version: int | None = None) -> Environment:
        """Return a version, the one registered last unless it is named; the environment is held.

        Raises:
            NotFound: The workspace has no such environment or version.
        """

    @abstractmethod
    def list_environments(
        self, workspace: str, limit: int, offset: int = 0, *, with_archived: bool = False
    ) -> list[Environment]:
        """Return the latest version of each environment, by name."""

    @abstractmethod
    def list_versions(self, workspace: str, name: str, limit: int, offset: int = 0) -> list[Environment]:
        """Return versions of an environment, the highest number first.

        Raises:
            NotFound: The workspace has no such environment.
        """

    @abstractmethod
    def describe(
        self, workspace: str, name: str, description: str, tags: Mapping[str, str], now_ms: int
    ) -> None:
        """Keep what is said for all versions, in place of what was said before."""

    @abstractmethod
    def archive(self, workspace: str, name: str, now_ms: int, *, is_archived: bool = True) -> None:
        """Archive an environment, or bring it back."""
