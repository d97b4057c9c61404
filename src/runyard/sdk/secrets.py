"""The secrets of a workspace: passwords and keys that scripts need and no file of theirs should hold."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping, Sequence

from runyard.errors import NotFound
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.secrets import (
    ListSecretsAnswer,
    SecretAnswer,
    SecretValueAnswer,
    SetSecret,
    WireSecret,
)
from runyard.sdk.addresses import one_segment
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import listed, text
from runyard.sdk.connection import Connection
from runyard.sdk.representation import html_table, utc_text

_SECRETS = "/api/v1/secrets"


@names_arguments
class Secrets:
    """The secrets of a workspace; iterated, their names.

    They lie encrypted on the server. To read a value takes the role of a contributor, and the audit log tells
    who did; lists, logs and exports never have one.

    Args:
        connection: Reaches the workspace.
        workspace_name: For what is shown.

    Example:
        >>> ws.secrets.set("warehouse-password", "s3cr3t")
        >>> ws.secrets.get("warehouse-password")
        's3cr3t'
    """

    def __init__(self, connection: Connection, workspace_name: str) -> None:
        self._connection = connection
        self._workspace_name = workspace_name

    def set(self, name: str, value: str, *, content_type: str = "") -> None:
        """Keep a value under a name, in place of the one before.

        Args:
            name: Letters of ASCII, digits, ``-``, ``_`` and ``.``, at most 127 of them.
            value: The value, at most 25,600 bytes.
            content_type: What it is, as ``text/plain``; for people.

        Raises:
            InvalidParameter: There can be no such name or value.
            Forbidden: The credential does not allow it.

        Example:
            >>> ws.secrets.set("warehouse-password", "s3cr3t", content_type="text/plain")
            >>> "warehouse-password" in ws.secrets
            True
        """
        body = SetSecret(value=text(value, "value"), content_type=content_type)
        self._connection.put_message(_path(name), body, SecretAnswer)

    def get(self, name: str) -> str:
        """Return the value of a secret.

        Raises:
            NotFound: The workspace has no such secret.
            Forbidden: The credential does not allow to read values.

        Example:
            >>> ws.secrets.set("warehouse-password", "s3cr3t")
            >>> ws.secrets.get("warehouse-password")
            's3cr3t'
        """
        return self._connection.get(_path(name), SecretValueAnswer).value

    def list(self) -> builtins.list[str]:
        """Return the names of all secrets, sorted.

        Example:
            >>> ws.secrets.set("warehouse-password", "s3cr3t")
            >>> ws.secrets.list()
            ['warehouse-password']
        """
        return [secret.name for secret in self.describe()]

    def describe(self) -> builtins.list[WireSecret]:
        """Return what is known of each secret beside its value: who set it last, and when.

        Example:
            >>> ws.secrets.set("warehouse-password", "s3cr3t", content_type="text/plain")
            >>> [(each.name, each.content_type) for each in ws.secrets.describe()]
            [('warehouse-password', 'text/plain')]
        """
        return self._connection.get(_SECRETS, ListSecretsAnswer).secrets

    def delete(self, name: str) -> None:
        """Forget a secret; there is no way back.

        Raises:
            NotFound: The workspace has no such secret.
            Forbidden: The credential does not allow it.

        Example:
            >>> ws.secrets.set("warehouse-password", "s3cr3t")
            >>> ws.secrets.delete("warehouse-password")
            >>> len(ws.secrets)
            0
        """
        self._connection.delete(_path(name), Empty(), Empty)

    def __iter__(self) -> Iterator[str]:
        """Yield the names of all secrets, sorted."""
        return iter(self.list())

    def __contains__(self, name: object) -> bool:
        return name in self.list()

    def __len__(self) -> int:
        return len(self.list())

    def __repr__(self) -> str:
        return f"Secrets(workspace={self._workspace_name!r})"

    def _repr_html_(self) -> str:
        rows = [
            (each.name, f"set by {each.updated_by}, {utc_text(each.updated_ms)}") for each in self.describe()
        ]
        return html_table([("Secrets of", self._workspace_name), *rows])


@names_arguments
class Keyvault:
    """The secrets of a workspace under the names of Azure's first SDK; see :class:`Secrets`.

    Args:
        secrets: The same by our own names.

    Example:
        >>> vault = ws.get_default_keyvault()
        >>> vault.set_secret(name="warehouse-password", value="s3cr3t")
        >>> vault.get_secret("warehouse-password")
        's3cr3t'
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def set_secret(self, name: str, value: str, content_type: str = "") -> None:
        """Keep a value under a name; see :meth:`Secrets.set`.

        Example:
            >>> vault.set_secret("warehouse-password", "s3cr3t", content_type="text/plain")
        """
        self._secrets.set(name, value, content_type=content_type)

    def set_secrets(self, secrets_batch: Mapping[str, str]) -> None:
        """Keep several values, one after the other.

        Example:
            >>> vault.set_secrets({"user": "ada", "password": "s3cr3t"})
            >>> vault.get_secret("user")
            'ada'
        """
        for name, value in secrets_batch.items():
            self._secrets.set(name, value)

    def get_secret(self, name: str) -> str:
        """Return the value of a secret.

        Raises:
            NotFound: The workspace has no such secret.

        Example:
            >>> vault.set_secret("warehouse-password", "s3cr3t")
            >>> vault.get_secret("warehouse-password")
            's3cr3t'
        """
        return self._secrets.get(name)

    def get_secrets(self, secrets: Sequence[str]) -> dict[str, str | None]:
        """Return the values of several secrets by their names, and None for those that are not there.

        Example:
            >>> vault.set_secret("user", "ada")
            >>> vault.get_secrets(["user", "password"])
            {'user': 'ada', 'password': None}
        """
        return {name: self._found(name) for name in listed(secrets, "secrets")}

    def list_secrets(self) -> list[dict[str, str]]:
        """Return the names of all secrets, each in a dictionary as Azure's SDK has it.

        Example:
            >>> vault.set_secret("warehouse-password", "s3cr3t")
            >>> vault.list_secrets()
            [{'name': 'warehouse-password', 'contentType': ''}]
        """
        return [{"name": each.name, "contentType": each.content_type} for each in self._secrets.describe()]

    def delete_secret(self, name: str) -> None:
        """Forget a secret.

        Raises:
            NotFound: The workspace has no such secret.

        Example:
            >>> vault.set_secret("warehouse-password", "s3cr3t")
            >>> vault.delete_secret("warehouse-password")
            >>> vault.list_secrets()
            []
        """
        self._secrets.delete(name)

    def delete_secrets(self, secrets: Sequence[str]) -> None:
        """Forget several secrets, one after the other.

        Raises:
            NotFound: The workspace has not one of them; those before it are gone.

        Example:
            >>> vault.set_secrets({"user": "ada", "password": "s3cr3t"})
            >>> vault.delete_secrets(["user", "password"])
            >>> vault.list_secrets()
            []
        """
        for name in secrets:
            self._secrets.delete(name)

    def __repr__(self) -> str:
        return f"Keyvault({self._secrets!r})"

    def _repr_html_(self) -> str:
        return self._secrets._repr_html_()

    def _found(self, name: str) -> str | None:
        try:
            return self._secrets.get(name)
        except NotFound:
            return None


@names_arguments
class HasSecrets:
    """What a workspace knows of its secrets."""

    _name: str
    _connection: Connection

    @property
    def secrets(self) -> Secrets:
        """The passwords and keys that the workspace keeps, encrypted.

        Example:
            >>> ws.secrets.set("warehouse-password", "s3cr3t")
            >>> list(ws.secrets)
            ['warehouse-password']
        """
        return Secrets(self._connection, self._name)

    def get_default_keyvault(self) -> Keyvault:
        """Return the workspace's secrets under the names of Azure's first SDK.

        Example:
            >>> vault = ws.get_default_keyvault()
            >>> vault.set_secret("warehouse-password", "s3cr3t")
            >>> vault.get_secret("warehouse-password")
            's3cr3t'
        """
        return Keyvault(self.secrets)


def _path(name: str) -> str:
    return f"{_SECRETS}/{one_segment(name, 'name')}"
