"""Signing people out: because their provider of identities says so, or there too because they want to."""

from __future__ import annotations

import logging

from runyard.entities.credential import ApiKey, Principal
from runyard.errors import InvalidParameter, Unavailable
from runyard.services.logout_tokens import Logout
from runyard.services.oidc import OidcProvider
from runyard.services.sessions import is_of_provider
from runyard.stores.opening import Stores

_log = logging.getLogger("runyard.server")


def sign_out(stores: Stores, logout: Logout, now_ms: int) -> tuple[Principal | None, list[ApiKey]]:
    """End the sessions that a provider's logout token means; return whose they were, and which.

    What was made in a session and is good only as long as it is, its tokens, ends with it. API keys and the
    keys of machines that somebody logged in are no sessions and stay.

    Raises:
        InvalidParameter: The token has come before.
    """
    with stores.atomic(alone_for="principals"):
        named = stores.metadata.provider_sessions
        if not named.take_token(logout.issuer, logout.token_id, logout.until_ms, now_ms):
            raise InvalidParameter("This logout token has come before.")
        ended = [key for key in _meant(stores, logout) if is_of_provider(key) and key.is_active(now_ms)]
        for key in ended:
            stores.metadata.credentials.revoke_api_key(key.key_id, now_ms)
        owner = ended[0].principal_id if ended else None
        return (None if owner is None else stores.metadata.credentials.find_principal(owner)), ended


def provider_sign_out_url(provider: OidcProvider | None, return_uri: str) -> str | None:
    """Return where a browser ends its session with the provider; ``None`` if there is no such place now.

    The session here is over by then: whoever wants to be out must not be told that they can't be.
    """
    if provider is None:
        return None
    try:
        return provider.sign_out_url(return_uri)
    except Unavailable as error:
        _log.warning("somebody signed out here and not at the provider of identities: %s", error)
        return None


def _meant(stores: Stores, logout: Logout) -> list[ApiKey]:
    """Return the keys that a provider means; a session and a person that don't belong together mean none."""
    credentials = stores.metadata.credentials
    person = None if logout.subject is None else credentials.find_identity(logout.issuer, logout.subject)
    if logout.session is None:
        return [] if person is None else credentials.list_api_keys(person.principal_id)
    ids = stores.metadata.provider_sessions.list_keys(logout.issuer, logout.session)
    found = [key for key in map(credentials.find_api_key, ids) if key is not None]
    if logout.subject is None:
        return found
    return [key for key in found if person is not None and key.principal_id == person.principal_id]
