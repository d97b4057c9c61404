"""People, services and groups: who they are, and which groups they are in."""

from __future__ import annotations

import re
import unicodedata
import uuid
from dataclasses import replace

from runyard.entities.credential import EVERYONE, KeyKind, Principal, PrincipalKind
from runyard.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound
from runyard.services.call import Call, system_now_ms
from runyard.services.look_alikes import looks_of, lower_ascii
from runyard.stores.metadata.base_credentials import CredentialStore
from runyard.stores.opening import Stores

MAX_NAME_LENGTH = 200
MAX_EMAIL_LENGTH = 254
MAX_DESCRIPTION_LENGTH = 1024

_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def ensure_everyone(stores: Stores) -> None:
    """Make the group of all people if there is none yet."""
    with stores.atomic(alone_for="everyone"):
        if stores.metadata.credentials.find_principal(EVERYONE) is None:
            group = Principal(EVERYONE, EVERYONE, PrincipalKind.GROUP, False, system_now_ms())
            stores.metadata.credentials.add_principal(group)


def create_principal(
    call: Call, name: str, kind: PrincipalKind, email: str | None, is_administrator: bool
) -> Principal:
    """Return a new person, service or group.

    Raises:
        AlreadyExists: Somebody has this name, in whatever case, or this email address.
        InvalidParameter: A name or address that can't be, or an administrator who is no person or service.
    """
    return add_principal(call.stores, name, kind, email, is_administrator, call.now_ms())


def add_principal(
    stores: Stores, name: str, kind: PrincipalKind, email: str | None, is_administrator: bool, now_ms: int
) -> Principal:
    """Return a new principal, as :func:`create_principal`, where there is no call: at the machine itself."""
    if is_administrator and kind is PrincipalKind.GROUP:
        raise InvalidParameter("A group can't be an administrator; its members can.")
    if email is not None and kind is not PrincipalKind.PERSON:
        raise InvalidParameter("Only a person has an email address.")
    principal = Principal(str(uuid.uuid4()), name, kind, is_administrator, now_ms, email=_address(email))
    with stores.atomic(alone_for="principals"):
        _check_name(stores.metadata.credentials, principal)
        stores.metadata.credentials.add_principal(principal)
    return principal


def list_principals(call: Call, kind: PrincipalKind | None) -> list[Principal]:
    """Return all principals of a kind, or all, by name; disabled ones too."""
    found = call.stores.metadata.credentials.list_principals()
    return [principal for principal in found if kind is None or principal.kind is kind]


def find_principal(call: Call, named: str) -> Principal:
    """Return whom somebody means by a name or an id.

    Raises:
        NotFound: Nobody.
    """
    credentials = call.stores.metadata.credentials
    found = credentials.find_principal(named) or credentials.find_principal_by_name(named)
    if found is None:
        raise NotFound(f"There is no person, service or group {named[:MAX_NAME_LENGTH]!r}.")
    return found


def find_group(call: Call, named: str) -> Principal:
    """Return the group of that name or id.

    Raises:
        NotFound: There is none, or it is no group.
    """
    found = find_principal(call, named)
    if found.kind is not PrincipalKind.GROUP:
        raise NotFound(f"{found.name!r} is a {found.kind.value} and no group.")
    return found


def change_principal(
    call: Call,
    named: str,
    *,
    name: str | None = None,
    email: str | None = None,
    is_administrator: bool | None = None,
    is_disabled: bool | None = None,
) -> Principal:
    """Return a principal after what was given has been changed; an empty ``email`` takes it away.

    Whoever is disabled is refused within a second, on all servers, with whatever credential. What they had
    signed in, browsers and machines, has ended for good; their API keys are good again once they are let in.

    Raises:
        NotFound: There is no such principal.
        AlreadyExists: Somebody has that name or address.
        InvalidState: It would leave the server without an administrator.
    """
    with call.stores.atomic(alone_for="principals"):
        before = find_principal(call, named)
        if before.principal_id == EVERYONE:
            raise InvalidParameter(f"The group {EVERYONE!r} is as it is; change what it is granted.")
        changed = replace(
            before,
            name=before.name if name is None else name,
            email=before.email if email is None else _address(email),
            is_administrator=before.is_administrator if is_administrator is None else is_administrator,
            disabled_ms=_ended(before, is_disabled, call.now_ms()),
        )
        if changed.is_administrator and changed.kind is PrincipalKind.GROUP:
            raise InvalidParameter("A group can't be an administrator; its members can.")
        credentials = call.stores.metadata.credentials
        if changed.name != before.name:
            _check_name(credentials, changed)
        credentials.update_principal(changed)
        if not (before.is_active and changed.is_active):
            _end_sign_ins(credentials, changed, call.now_ms())
        is_last = before.is_administrator and before.is_active and not credentials.has_administrator()
        if is_last and not (call.caller and call.caller.is_local_owner):
            raise InvalidState(f"{before.name!r} is the only administrator. Make another one first.")
    return changed


def describe(call: Call, named: str, description: str) -> Principal:
    """Return a principal after what it is for has been said anew.

    Raises:
        InvalidParameter: That is too long.
        NotFound: There is no such principal.
    """
    if len(description) > MAX_DESCRIPTION_LENGTH:
        raise InvalidParameter(f"'description' has at most {MAX_DESCRIPTION_LENGTH} characters.")
    with call.stores.atomic(alone_for="principals"):
        changed = replace(find_principal(call, named), description=description)
        call.stores.metadata.credentials.update_principal(changed)
    return changed


def list_members(call: Call, group: str) -> list[Principal]:
    """Return who was put into a group, by name; the group of everyone has all active people."""
    found = find_group(call, group)
    everybody = call.stores.metadata.credentials.list_principals()
    if found.principal_id == EVERYONE:
        return [each for each in everybody if each.kind is PrincipalKind.PERSON and each.is_active]
    members = set(call.stores.metadata.rights.list_members(found.principal_id))
    return [each for each in everybody if each.principal_id in members]


def add_member(call: Call, group: str, member: str) -> None:
    """Put a person or a service into a group.

    Raises:
        InvalidParameter: The member is a group, or the group is that of everyone.
    """
    found, joins = _changeable_group(call, group), find_principal(call, member)
    if joins.kind is PrincipalKind.GROUP:
        raise InvalidParameter("A group can't be in a group.")
    call.stores.metadata.rights.add_member(found.principal_id, joins.principal_id)


def remove_member(call: Call, group: str, member: str) -> None:
    """Take somebody out of a group.

    Raises:
        NotFound: They are not in it.
    """
    found, leaves = _changeable_group(call, group), find_principal(call, member)
    if not call.stores.metadata.rights.remove_member(found.principal_id, leaves.principal_id):
        raise NotFound(f"{leaves.name!r} is not in the group {found.name!r}.")


def _changeable_group(call: Call, named: str) -> Principal:
    found = find_group(call, named)
    if found.principal_id == EVERYONE:
        raise InvalidParameter(f"All people are in the group {EVERYONE!r}, and no others.")
    return found


def _ended(before: Principal, is_disabled: bool | None, now_ms: int) -> int | None:
    if is_disabled is None:
        return before.disabled_ms
    if not is_disabled:
        return None
    return before.disabled_ms or now_ms


def _end_sign_ins(credentials: CredentialStore, principal: Principal, now_ms: int) -> None:
    """End what somebody signed in and, with it, the tokens made of it: a browser or machine may be lost."""
    for key in credentials.list_api_keys(principal.principal_id):
        if key.kind is not KeyKind.KEY and key.revoked_ms is None:
            credentials.revoke_api_key(key.key_id, now_ms)


def _address(email: str | None) -> str | None:
    """Return an email address as it is kept: in lower case, as people type it in any."""
    if not email:
        return None
    name, at, host = email.strip().partition("@")
    if not name or not at or not host or len(email) > MAX_EMAIL_LENGTH or not email.isprintable():
        raise InvalidParameter(f"'email' is no email address of at most {MAX_EMAIL_LENGTH} characters.")
    return lower_ascii(f"{name}@{host}")


def _check_name(credentials: CredentialStore, principal: Principal) -> None:
    name = principal.name
    if not name or name != name.strip() or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidParameter(
            f"'name' is 1 to {MAX_NAME_LENGTH} printable characters, without spaces around them."
        )
    if not unicodedata.is_normalized("NFC", name):
        raise InvalidParameter("'name' must be in Unicode's normal form C.")
    if _ID.fullmatch(name):
        raise InvalidParameter("'name' can't have the form of an id.")
    looks = looks_of(name)
    if not looks:
        raise InvalidParameter("'name' has nothing in it that anybody can see.")
    # Two that read alike would let one be taken for the other; so would somebody's address as a name.
    for other in credentials.list_principals():
        if other.principal_id == principal.principal_id:
            continue
        if looks_of(other.name) == looks:
            same = other.name.casefold() == name.casefold()
            why = "already exists" if same else "already exists, and looks the same"
            raise AlreadyExists(f"A principal named '{other.name}' {why}.")
        if other.email and looks_of(other.email) == looks:
            raise AlreadyExists("Somebody else has that as their email address.")
