"""Signing a browser in and out, and what a machine that logs in is given."""

from __future__ import annotations

from runyard.auth.permissions import Caller, Proof, Scope
from runyard.entities.credential import ApiKey, KeyKind, Principal
from runyard.errors import Forbidden, InvalidState
from runyard.services.call import Call
from runyard.services.keys import NewKey, ShownKey, add_key
from runyard.services.tokens import identify
from runyard.settings import Settings
from runyard.stores.opening import Stores

HOUR_MS = 3_600_000
MAX_AGENT_LENGTH = 120


def begin_session(call: Call, user_agent: str) -> ShownKey:
    """Return a session for whoever sent an API key: as wide as the key, and over when that is.

    Raises:
        Forbidden: A token was sent, or a session.
        InvalidState: It is the person at this machine, who needs none.
    """
    caller = identify(call)
    if caller.is_local_owner:
        raise InvalidState("Nobody signs in here: whoever is at this machine is its owner.")
    if caller.proof is not Proof.API_KEY or caller.key_kind is KeyKind.SESSION:
        raise Forbidden("Send an API key to sign in.")
    owner = call.stores.metadata.credentials.find_principal(caller.principal_id)
    if owner is None:
        raise Forbidden("Whoever the key is of is gone.")
    now_ms = call.now_ms()
    new = NewKey(
        name=agent_name(user_agent),
        scope=caller.scope,
        workspace=caller.workspace,
        expires_ms=_until(call.settings, now_ms, caller.expires_ms),
        kind=KeyKind.SESSION,
        parent_key_id=caller.key_id,
    )
    with call.stores.atomic():
        return add_key(call.stores, owner, new, now_ms)


def begin_session_of(
    stores: Stores, settings: Settings, person: Principal, user_agent: str, now_ms: int
) -> ShownKey:
    """Return a session for a person whom a provider of identities has told of: as wide as their roles."""
    new = NewKey(
        agent_name(user_agent),
        Scope.ADMIN,
        expires_ms=_until(settings, now_ms, None),
        kind=KeyKind.SESSION,
    )
    return add_key(stores, person, new, now_ms)


def end_session(call: Call) -> bool:
    """End the session that the request was sent with; return whether a provider of identities began it.

    Raises:
        InvalidState: It was sent with something else.
    """
    caller, credentials = identify(call), call.stores.metadata.credentials
    if caller.key_kind is not KeyKind.SESSION or caller.key_id is None:
        raise InvalidState("There is no session to end: the request came with another credential.")
    key = credentials.find_api_key(caller.key_id)
    credentials.revoke_api_key(caller.key_id, call.now_ms())
    return key is not None and is_of_provider(key)


def is_of_provider(key: ApiKey) -> bool:
    """Whether it is the session of somebody who signed in by a provider: there is no API key behind it."""
    return key.kind is KeyKind.SESSION and key.parent_key_id is None


def lineage_of(call: Call, caller: Caller) -> str | None:
    """Return the API key that what a caller has made must end with; a session is no such thing itself."""
    key = None if caller.key_id is None else call.stores.metadata.credentials.find_api_key(caller.key_id)
    if key is None:
        return None
    return key.parent_key_id if key.kind is KeyKind.SESSION else key.key_id


def agent_name(user_agent: str) -> str:
    """Return what a session is called: what the browser calls itself, as far as it can be shown."""
    shown = "".join(each for each in user_agent if each.isprintable()).strip()
    return shown[:MAX_AGENT_LENGTH] or "a browser"


def _until(settings: Settings, now_ms: int, at_most_ms: int | None) -> int:
    expires_ms = now_ms + settings.session_hours * HOUR_MS
    return expires_ms if at_most_ms is None else min(expires_ms, at_most_ms)
