"""What a workspace knows of its datastores."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.datastore import Datastore, Datastores, datastores_of

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace


@names_arguments
class HasDatastores:
    """The places for files that a workspace has, and those that it has registered."""

    @property
    def datastores(self) -> Datastores:
        """All datastores by name, read from the server.

        Example:
            >>> sorted(ws.datastores)
            ['workspaceartifactstore', 'workspaceblobstore']
        """
        return datastores_of(cast("Workspace", self))

    def get_default_datastore(self) -> Datastore:
        """Return the default datastore: ``workspaceblobstore`` until another one is chosen.

        Example:
            >>> ws.get_default_datastore().upload("data", target_path="raw").uri
            'azureml://datastores/workspaceblobstore/paths/raw'
        """
        return Datastore(cast("Workspace", self))

    def set_default_datastore(self, name: str) -> None:
        """Make a datastore the default one.

        Raises:
            NotFound: The workspace has no such datastore.
            Forbidden: The credential does not allow it.

        Example:
            >>> ws.set_default_datastore("workspaceartifactstore")
            >>> ws.get_default_datastore().name
            'workspaceartifactstore'
        """
        Datastore(cast("Workspace", self), name).set_as_default()
