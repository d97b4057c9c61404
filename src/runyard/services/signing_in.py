"""Signing in by a provider of identities: from the attempt to the person, their groups and their session."""

from __future__ import annotations

import base64
import contextlib
import secrets
import unicodedata
from dataclasses import replace

import msgspec

from runyard.decoding import learnt
from runyard.entities.credential import Principal, PrincipalKind
from runyard.errors import AlreadyExists, Forbidden, InvalidParameter
from runyard.services.call import system_now_ms
from runyard.services.keys import ShownKey
from runyard.services.look_alikes import lower_ascii
from runyard.services.oidc import Attempt, Identity
from runyard.services.principals import MAX_NAME_LENGTH, add_principal
from runyard.services.sessions import begin_session_of
from runyard.settings import Settings
from runyard.stores.opening import Stores

ATTEMPT_LIFETIME_S = 600
MAX_PATH_LENGTH = 1_000


def new_attempt(return_to: str | None) -> Attempt:
    """Return a new attempt to sign in, which goes on at ``return_to``.

    Raises:
        InvalidParameter: That is no path of this server.
    """
    path = return_to or "/"
    check_return_to(path)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Attempt(state, nonce, verifier, path)


def check_return_to(path: str) -> None:
    """Refuse what a browser could take for another site's address.

    Raises:
        InvalidParameter: It does not begin with one slash, or holds what browsers read as one.
    """
    is_local = path.startswith("/") and not path.startswith("//") and "\\" not in path
    if not is_local or len(path) > MAX_PATH_LENGTH or not path.isascii() or not path.isprintable():
        raise InvalidParameter("'return_to' must be a path of this server, as '/' or '/#/experiments'.")


def attempt_text(attempt: Attempt) -> str:
    """Return an attempt as a cookie holds it; the browser may read it, another site may not set it."""
    return base64.urlsafe_b64encode(msgspec.json.encode(attempt)).decode()


def read_attempt(text: str | None, state: str | None) -> Attempt:
    """Return the attempt that a browser brought back, if the provider's answer belongs to it.

    Raises:
        Forbidden: It does not, or there is none: the answer may be of somebody else's attempt.
    """
    try:
        attempt = msgspec.json.decode(base64.urlsafe_b64decode(text or ""), type=learnt(Attempt))
        check_return_to(attempt.return_to)
        fits = secrets.compare_digest(attempt.state.encode(), (state or "").encode())
    except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors
        fits = False
    if not fits:
        raise Forbidden("This sign-in was begun in another browser, or too long ago. Begin again.")
    return attempt


def refused_by_provider(told: str | None) -> Forbidden:
    """Return what somebody is told whom the provider sent back without a code."""
    if told == "access_denied":
        return Forbidden("The provider of identities did not let you in, or you did not want to go on.")
    return Forbidden("The provider of identities sent you back without an answer. Begin again.")


def sign_in(stores: Stores, settings: Settings, identity: Identity, user_agent: str) -> ShownKey:
    """Return a session for the person that a provider named, who is added if that is how it is set.

    Their groups are those that the provider names and that exist here. Some providers leave the groups out
    for whoever is in none, so a provider that names none takes somebody out of those that it named before.

    Raises:
        Forbidden: They are locked out, or nobody has added them and the settings let nobody in by themselves.
    """
    now_ms = system_now_ms()
    with stores.atomic(alone_for="principals"):
        person = _person(stores, settings, identity, now_ms)
        if not person.is_active:
            raise Forbidden("You are locked out of this server. Its administrator can let you in again.")
        _join_groups(stores, person, identity.groups)
        person = _as_administrator(stores, settings, person, identity.groups)
        made = begin_session_of(stores, settings, person, user_agent, now_ms)
        if identity.session is not None:
            named = stores.metadata.provider_sessions
            named.add_session(made.key.key_id, identity.issuer, identity.session)
        return made


def _person(stores: Stores, settings: Settings, identity: Identity, now_ms: int) -> Principal:
    credentials = stores.metadata.credentials
    known = credentials.find_identity(identity.issuer, identity.subject)
    if known is not None:
        return known
    person = _invited(stores, identity)
    if person is None:
        if settings.oidc_only_added:
            raise Forbidden("Nobody has added you to this server. Ask its administrator.")
        person = _added(stores, identity, now_ms)
    credentials.add_identity(identity.issuer, identity.subject, person.principal_id)
    return person


def _invited(stores: Stores, identity: Identity) -> Principal | None:
    """Return the person whom an administrator added with the address that the provider has verified.

    Only if no other identity of the provider's means them: an address can be given to somebody else.
    """
    if identity.email is None:
        return None
    credentials, email = stores.metadata.credentials, lower_ascii(identity.email)
    found = [each for each in credentials.list_principals() if each.email == email]
    if not found or credentials.has_identity(identity.issuer, found[0].principal_id):
        return None
    return found[0]


def _added(stores: Stores, identity: Identity, now_ms: int) -> Principal:
    wished = [unicodedata.normalize("NFC", name).strip()[:MAX_NAME_LENGTH] for name in identity.names]
    names = [*wished, *(f"{wished[0][:180]} {number}" for number in range(2, 100) if wished)]
    for name in [*names, f"person {secrets.token_hex(8)}"]:
        with contextlib.suppress(AlreadyExists, InvalidParameter):
            return add_principal(stores, name, PrincipalKind.PERSON, None, False, now_ms)
    raise Forbidden("No name could be found for you here. Ask the administrator to add you.")


def _join_groups(stores: Stores, person: Principal, names: tuple[str, ...]) -> None:
    told = set(names)
    groups = [
        each.principal_id
        for each in stores.metadata.credentials.list_principals()
        if each.kind is PrincipalKind.GROUP and each.name in told
    ]
    stores.metadata.rights.set_groups_from_provider(person.principal_id, groups)


def _as_administrator(
    stores: Stores, settings: Settings, person: Principal, groups: tuple[str, ...]
) -> Principal:
    """Return the person as an administrator or none, where a group of the provider's decides it."""
    if not settings.oidc_administrators:
        return person
    changed = replace(person, is_administrator=settings.oidc_administrators in groups)
    others = [
        each
        for each in stores.metadata.credentials.list_principals()
        if each.is_administrator and each.is_active and each.principal_id != person.principal_id
    ]
    if changed == person or not (changed.is_administrator or others):
        return person  # who is the only administrator stays one, or nobody could mend the setting
    stores.metadata.credentials.update_principal(changed)
    return changed
