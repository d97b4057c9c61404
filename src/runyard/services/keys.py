"""API keys of people and services, made and ended by themselves or by an administrator."""

from __future__ import annotations

from dataclasses import dataclass, field

from runyard.auth.api_keys import new_api_key
from runyard.auth.permissions import Caller, Permission, Proof
from runyard.entities.credential import ApiKey, KeyKind, Principal, PrincipalKind
from runyard.entities.permission import Scope
from runyard.errors import Forbidden, InvalidParameter, InvalidState, NotFound
from runyard.services.call import Call
from runyard.services.principals import find_principal
from runyard.services.tokens import identify, lineage
from runyard.stores.opening import Stores

MAX_NAME_LENGTH = 200
MAX_LIFETIME_DAYS = 3_650
DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A new API key with its secret, which can be shown this once."""

    key: ApiKey
    owner: Principal
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewKey:
    """What an API key is to be: what for, what it allows at most, where, and until when."""

    name: str
    scope: Scope
    workspace: str | None = None
    expires_ms: int | None = None
    kind: KeyKind = KeyKind.KEY
    parent_key_id: str | None = None


def add_key(stores: Stores, owner: Principal, new: NewKey, now_ms: int) -> ShownKey:
    """Return a new API key of ``owner``; who may have it made is for the caller of this to know.

    Raises:
        InvalidParameter: A name that can't be.
        NotFound: There is no such workspace.
    """
    if not new.name.strip() or len(new.name) > MAX_NAME_LENGTH or not new.name.isprintable():
        raise InvalidParameter(f"A name is 1 to {MAX_NAME_LENGTH} printable characters.")
    made = new_api_key()
    key = ApiKey(
        key_id=made.key_id,
        principal_id=owner.principal_id,
        name=new.name,
        secret_sha256=made.secret_sha256,
        scope=new.scope,
        created_ms=now_ms,
        workspace=new.workspace,
        expires_ms=new.expires_ms,
        kind=new.kind,
        parent_key_id=new.parent_key_id,
    )
    stores.metadata.credentials.add_api_key(key)
    return ShownKey(key, owner, made.text)


def create_key(
    call: Call,
    name: str,
    scope: Scope | None,
    workspace: str | None,
    lifetime_days: int | None,
    owner: str | None,
) -> ShownKey:
    """Return a new API key of the caller, or, made by an administrator, of somebody else.

    It never reaches further than the credential it is asked for with; one that is asked for with an API key
    that ends, or from a session or a machine that somebody signed in with such a key, ends with it.

    Raises:
        Forbidden: It would reach further, the credential is a token, or somebody else's key is asked for.
        InvalidParameter: ``lifetime_days`` is not between 1 and 3,650.
        InvalidState: The owner is a group, or the person at this machine, who needs no key.
    """
    caller = identify(call)
    principal = _owner(call, caller, owner)
    own_widest = Scope.ADMIN if principal.is_administrator else Scope.OWNER
    wanted = scope or (caller.scope if own_widest.includes(caller.scope) else own_widest)
    if not caller.scope.includes(wanted) or caller.workspace not in {None, workspace}:
        raise Forbidden("An API key can't do more than the credential that it is asked for with.")
    if lifetime_days is not None and not 1 <= lifetime_days <= MAX_LIFETIME_DAYS:
        raise InvalidParameter(f"'lifetime_days' must be between 1 and {MAX_LIFETIME_DAYS}.")
    now_ms = call.now_ms()
    ends = [] if lifetime_days is None else [now_ms + lifetime_days * DAY_MS]
    expires_ms = min([*ends, *_ends_of_keys(call, caller)], default=None)
    return add_key(call.stores, principal, NewKey(name, wanted, workspace, expires_ms), now_ms)


def list_keys(call: Call, owner: str | None) -> list[tuple[ApiKey, Principal]]:
    """Return the caller's API keys, or somebody else's, or for ``*`` those of all, the newest first.

    Raises:
        Forbidden: The caller is no administrator and asks for keys of others.
    """
    caller, credentials = identify(call), call.stores.metadata.credentials
    if owner == "*":
        _check_administrator(caller)
        owners = {each.principal_id: each for each in credentials.list_principals()}
        return [(key, owners[key.principal_id]) for key in credentials.list_api_keys()]
    if owner is None and caller.is_local_owner:
        return []
    principal = _named_or_self(call, caller, owner)
    return [(key, principal) for key in credentials.list_api_keys(principal.principal_id)]


def revoke_key(call: Call, key_id: str) -> ApiKey:
    """Return an API key of the caller's, or as an administrator any, after it was ended.

    Raises:
        NotFound: There is no such key, or it is somebody else's.
    """
    caller, credentials = identify(call), call.stores.metadata.credentials
    key = credentials.find_api_key(key_id)
    is_own = key is not None and key.principal_id == caller.principal_id and caller.workspace is None
    if key is None or not (is_own or caller.is_administrator):
        raise NotFound(f"You have no API key {key_id[:MAX_NAME_LENGTH]!r}.")
    credentials.revoke_api_key(key_id, call.now_ms())
    return key


def _ends_of_keys(call: Call, caller: Caller) -> list[int]:
    """Return when the keys end that somebody was given and that their credential goes back to.

    Of sessions and of logins of machines the end does not count: they end so that people sign in anew.
    """
    credentials = call.stores.metadata.credentials
    key = None if caller.key_id is None else credentials.find_api_key(caller.key_id)
    chain = [] if key is None else lineage(credentials, key)
    kept = [each for each in chain if each is not None and each.kind is KeyKind.KEY]
    return [each.expires_ms for each in kept if each.expires_ms is not None]


def _owner(call: Call, caller: Caller, named: str | None) -> Principal:
    if caller.proof is Proof.TOKEN:
        raise Forbidden("A token can't make an API key, which would outlive it; send an API key, or sign in.")
    if named is None and caller.is_local_owner:
        raise InvalidState("Say whose key it is to be with 'principal': here you need none yourself.")
    principal = _named_or_self(call, caller, named)
    if principal.kind is PrincipalKind.GROUP:
        raise InvalidState("A group has no API keys; its members have.")
    return principal


def _named_or_self(call: Call, caller: Caller, named: str | None) -> Principal:
    if named is None or named in {caller.name, caller.principal_id}:
        return find_principal(call, caller.principal_id)
    _check_administrator(caller)
    return find_principal(call, named)


def _check_administrator(caller: Caller) -> None:
    if not caller.may(Permission.ADMINISTER, None):
        raise Forbidden("Only an administrator sees or makes API keys of others.")
