"""What the owner of a home may do at the machine itself, where no credential is asked for."""

from __future__ import annotations

from runyard.auth.api_keys import PresentedKey, read_api_key
from runyard.entities.credential import ApiKey, Principal, PrincipalKind
from runyard.entities.permission import Scope
from runyard.entities.rights import Grant, Role
from runyard.errors import InvalidParameter, InvalidState, NotFound
from runyard.services.call import system_now_ms
from runyard.services.keys import DAY_MS, NewKey, ShownKey, add_key
from runyard.services.principals import add_principal
from runyard.stores.opening import Stores

CLIENTS = "azure-clients"
CLIENT_KEY_DAYS = 30


class Administration:
    """Makes the first administrator, and gives out and ends API keys.

    Args:
        stores: The stores of the home; a server may be running on it, and sees a change within a second.
    """

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._credentials = stores.metadata.credentials

    def make_first_administrator(self, name: str) -> ShownKey:
        """Return the API key of a new administrator.

        Raises:
            InvalidState: There is an administrator already.
        """
        with self._stores.atomic(alone_for="first administrator"):
            if self._credentials.has_administrator():
                raise InvalidState(
                    "This home has an administrator already. For another API key of theirs, also when the "
                    "first was lost, run `runyard admin key create --name NAME`."
                )
            now_ms = system_now_ms()
            person = add_principal(self._stores, name, PrincipalKind.PERSON, None, True, now_ms)
            return add_key(self._stores, person, NewKey("first", Scope.ADMIN), now_ms)

    def create_key(
        self, name: str, scope: Scope, workspace: str | None = None, lifetime_days: int | None = None
    ) -> ShownKey:
        """Return a new API key of the administrator, good for ``scope`` in ``workspace`` or in all.

        Raises:
            InvalidState: There is no administrator yet.
            NotFound: There is no such workspace.
        """
        if lifetime_days is not None and lifetime_days < 1:
            raise InvalidParameter("An API key lives for at least one day.")
        with self._stores.atomic():
            now_ms = system_now_ms()
            expires_ms = None if lifetime_days is None else now_ms + lifetime_days * DAY_MS
            new = NewKey(name, scope, workspace, expires_ms)
            return add_key(self._stores, self._administrator(), new, now_ms)

    def key_for_clients(self, workspace: str, kept: str | None) -> str:
        """Return an API key for programs at this machine, good for all in one workspace.

        Its owner is the service ``azure-clients``: it can be told from what people do, and taken away.

        Args:
            workspace: The workspace.
            kept: The key that was returned the last time, which is returned again while it is good.

        Raises:
            NotFound: There is no such workspace.
        """
        now_ms = system_now_ms()
        presented = read_api_key(kept or "")
        key = self._credentials.find_api_key(presented.key_id) if presented else None
        with self._stores.atomic(alone_for=CLIENTS):
            owner = self._service_of_clients(workspace, now_ms)
            if kept and key and _is_of(key, owner, workspace, now_ms) and _matches(presented, key):
                return kept
            new = NewKey(CLIENTS, Scope.OWNER, workspace, now_ms + CLIENT_KEY_DAYS * DAY_MS)
            return add_key(self._stores, owner, new, now_ms).text

    def _service_of_clients(self, workspace: str, now_ms: int) -> Principal:
        """Return the service, which owns what is in the workspace."""
        found = [each for each in self._credentials.list_principals() if each.name == CLIENTS]
        if found and not found[0].is_active:
            raise InvalidState(f"The service {CLIENTS!r} is locked out of this server.")
        owner = (
            found[0]
            if found
            else add_principal(self._stores, CLIENTS, PrincipalKind.SERVICE, None, False, now_ms)
        )
        self._stores.metadata.workspaces.get_workspace(workspace)
        granted = Grant(
            principal_id=owner.principal_id,
            role=Role.OWNER,
            workspace=workspace,
            experiment_id=None,
            granted_ms=now_ms,
            granted_by="",
        )
        self._stores.metadata.rights.set_grant(granted)
        return owner

    def list_keys(self) -> list[tuple[ApiKey, Principal]]:
        """Return all API keys with their owners, the newest first, ended ones too."""
        owners = {owner.principal_id: owner for owner in self._credentials.list_principals()}
        return [(key, owners[key.principal_id]) for key in self._credentials.list_api_keys()]

    def revoke_key(self, key_id: str) -> ApiKey:
        """Return the API key after it was ended, and the tokens made from it with it.

        Raises:
            NotFound: There is no such key.
        """
        with self._stores.atomic():
            key = self._credentials.find_api_key(key_id)
            if key is None:
                raise NotFound(f"There is no API key {key_id!r}. `runyard admin key list` shows them all.")
            self._credentials.revoke_api_key(key_id, system_now_ms())
        return key

    def _administrator(self) -> Principal:
        active = [
            principal
            for principal in self._credentials.list_principals()
            if principal.is_administrator and principal.is_active
        ]
        if not active:
            raise InvalidState("This home has no administrator yet. Run `runyard admin init` first.")
        return min(active, key=lambda principal: principal.created_ms)


def _is_of(key: ApiKey, owner: Principal, workspace: str, now_ms: int) -> bool:
    """Whether a key is the owner's, for that workspace, and good for a day more."""
    is_theirs = (key.principal_id, key.workspace) == (owner.principal_id, workspace)
    return is_theirs and key.is_active(now_ms + DAY_MS)


def _matches(presented: PresentedKey | None, key: ApiKey) -> bool:
    return presented is not None and presented.matches(key.secret_sha256)
