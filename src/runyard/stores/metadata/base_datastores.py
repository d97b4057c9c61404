"""The contract of the store for datastores; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod

from runyard.entities.datastore import Datastore


class DatastoreStore(ABC):
    """Remembers the datastores that workspaces have registered, and which one is each workspace's default.

    Those that each workspace has anyway are not here. A datastore goes with its workspace.
    """

    @abstractmethod
    def add_datastore(self, workspace: str, datastore: Datastore) -> bool:
        """Keep a new datastore; return whether its name was free, else nothing is kept."""

    @abstractmethod
    def replace_datastore(self, workspace: str, datastore: Datastore) -> None:
        """Keep a datastore in place of the one of its name, whose beginning it keeps."""

    @abstractmethod
    def get_datastore(self, workspace: str, name: str) -> Datastore:
        """Return a datastore.

        Raises:
            NotFound: The workspace has registered none of that name.
        """

    @abstractmethod
    def list_datastores(self, workspace: str) -> list[Datastore]:
        """Return the datastores that a workspace has registered, by name."""

    @abstractmethod
    def remove_datastore(self, workspace: str, name: str) -> bool:
        """Forget a datastore, and that it is the default; say whether there was one."""

    @abstractmethod
    def set_default(self, workspace: str, name: str) -> None:
        """Keep which datastore is a workspace's default, whether it is one of these or not."""

    @abstractmethod
    def find_default(self, workspace: str) -> str | None:
        """Return the name of a workspace's default; ``None`` if none was chosen."""
