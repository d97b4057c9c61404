"""The contract of the store for secrets; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod

from runyard.entities.secret import Secret


class SecretStore(ABC):
    """Remembers the secrets of workspaces: names, and values that come encrypted and are never listed.

    A secret goes with its workspace.
    """

    @abstractmethod
    def set_secret(self, workspace: str, secret: Secret, sealed: str) -> None:
        """Keep a secret and its encrypted value in place of the one of its name, whose beginning it keeps."""

    @abstractmethod
    def list_secrets(self, workspace: str) -> list[Secret]:
        """Return the secrets of a workspace, without values, by name."""

    @abstractmethod
    def read_sealed(self, workspace: str, name: str) -> tuple[Secret, str]:
        """Return a secret and its encrypted value.

        Raises:
            NotFound: The workspace has none of that name.
        """

    @abstractmethod
    def remove_secret(self, workspace: str, name: str) -> bool:
        """Forget a secret; say whether there was one."""
