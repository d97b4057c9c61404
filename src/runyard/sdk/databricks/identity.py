"""Who linked clusters are for our server: a service principal of the link's, and its API key."""

from __future__ import annotations

from runyard.errors import AlreadyExists, NotFound
from runyard.protocol.messages.identity import ChangePrincipal, CreateKey, CreateKeyAnswer
from runyard.sdk.connection import connect, connect_by_key
from runyard.sdk.databricks.record import LinkRecord
from runyard.sdk.grants import Grants
from runyard.sdk.principals import ApiKeys, Principals

_ROLE = "contributor"


class LinkIdentity:
    """The service principal of a link: a contributor of the one workspace, and of nothing else.

    Args:
        url: Address of the server, as this process reaches it.
        grants: Those of the workspace.
        record: The link.
    """

    def __init__(self, url: str, grants: Grants, record: LinkRecord) -> None:
        self._url = url
        self._grants = grants
        self._record = record

    def admit(self) -> None:
        """Let the principal in, and make it if need be.

        Raises:
            Forbidden: The caller is no administrator.
        """
        principals, name = Principals(connect(self._url)), self._record.principal
        try:
            principals.add(name, "service")
        except AlreadyExists:
            principals.change(name, ChangePrincipal(is_disabled=False))
        self._grants.set(name, _ROLE)

    def new_key(self) -> CreateKeyAnswer:
        """Return a new API key, which opens this one workspace.

        Raises:
            Forbidden: The caller has only a token, which can't make what outlives it.
        """
        wanted = CreateKey(
            name=f"Databricks {self._record.host}",
            scope=_ROLE,
            workspace=self._record.workspace,
            principal=self._record.principal,
        )
        return ApiKeys(connect_by_key(self._url)).create(wanted)

    def active_keys(self) -> list[str]:
        """Return the ids of the keys that are good.

        Raises:
            NotFound: There is no such principal.
            Forbidden: The caller is no administrator.
        """
        found = ApiKeys(connect(self._url)).list(self._record.principal)
        return [each.key_id for each in found if each.is_active]

    def revoke_all_but(self, key_id: str) -> None:
        """End all keys but one."""
        keys = ApiKeys(connect(self._url))
        for each in self.active_keys():
            if each != key_id:
                keys.revoke(each)

    def lock_out(self) -> None:
        """End all keys and the role, and let the principal in no more; it need not exist."""
        try:
            self.revoke_all_but("")
            Principals(connect(self._url)).change(self._record.principal, ChangePrincipal(is_disabled=True))
            self._grants.remove(self._record.principal)
        except NotFound:
            return
