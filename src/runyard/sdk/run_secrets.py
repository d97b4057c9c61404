"""The secrets of its workspace, as the script of a run asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runyard.sdk.argument_errors import names_arguments

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace


@names_arguments
class RunSecrets:
    """The secrets that a run may read."""

    _workspace: Workspace

    def get_secret(self, name: str) -> str:
        """Return the value of a secret of the run's workspace.

        Raises:
            NotFound: The workspace has no such secret.
            Forbidden: The credential does not allow to read values.

        Example:
            >>> ws.secrets.set("warehouse-password", "s3cr3t")
            >>> run.get_secret("warehouse-password")
            's3cr3t'
        """
        return self._workspace.get_default_keyvault().get_secret(name)

    def get_secrets(self, secrets: Sequence[str]) -> dict[str, str | None]:
        """Return the values of several secrets by their names, and None for those that are not there.

        Raises:
            Forbidden: The credential does not allow to read values.

        Example:
            >>> ws.secrets.set("user", "ada")
            >>> run.get_secrets(["user", "password"])
            {'user': 'ada', 'password': None}
        """
        return self._workspace.get_default_keyvault().get_secrets(secrets)
