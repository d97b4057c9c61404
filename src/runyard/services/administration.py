"""What the owner of a home may do at the machine itself, where no credential is asked for."""

from __future__ import annotations

from runyard.entities.credential import ApiKey, Principal, PrincipalKind
from runyard.entities.permission import Scope
from runyard.errors import InvalidParameter, InvalidState, NotFound
from runyard.services.call import system_now_ms
from runyard.services.keys import DAY_MS, NewKey, ShownKey, add_key
from runyard.services.principals import add_principal
from runyard.stores.opening import Stores


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
