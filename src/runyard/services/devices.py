"""Logging a machine in from a browser: the machine shows a code, a person who is signed in says yes.

Source: RFC 8628. This server is the authorization server, so it works with a provider of identities and
without one.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field, replace

from runyard.auth.permissions import Permission, Proof, not_allowed
from runyard.entities.credential import KeyKind
from runyard.entities.device import DeviceLogin, DeviceState
from runyard.entities.permission import Scope
from runyard.errors import (
    Forbidden,
    InvalidParameter,
    InvalidState,
    LoginDenied,
    LoginExpired,
    LoginPending,
    NotFound,
)
from runyard.services.call import Call, system_now_ms
from runyard.services.keys import DAY_MS, NewKey, ShownKey, add_key
from runyard.services.sessions import agent_name, lineage_of
from runyard.services.tokens import identify, lineage
from runyard.settings import Settings
from runyard.stores.opening import Stores

EXPIRES_IN_S = 600
INTERVAL_S = 3
MAX_PENDING = 1_000
MAX_PENDING_OF_CLIENT = 100
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""Without vowels, so that no code is a word, and without what looks like a digit."""
_CODE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class BegunLogin:
    """A login that a machine has asked for, and the code that it keeps to itself."""

    login: DeviceLogin
    device_code: str = field(repr=False)


def begin_login(stores: Stores, machine: str, client: str) -> BegunLogin:
    """Return a new login of a machine.

    Raises:
        TooManyRequests: A thousand of them are under way, or a hundred from the same address.
    """
    now_ms, device_code = system_now_ms(), secrets.token_urlsafe(32)
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
    login = DeviceLogin(
        device_sha256=_digest(device_code),
        user_code=f"{letters[:4]}-{letters[4:]}",
        machine=agent_name(machine),
        client=client,
        created_ms=now_ms,
        expires_ms=now_ms + EXPIRES_IN_S * 1000,
    )
    stores.metadata.devices.add_login(login, MAX_PENDING, MAX_PENDING_OF_CLIENT)
    return BegunLogin(login, device_code)


def fetch_login(stores: Stores, settings: Settings, device_code: str) -> ShownKey:
    """Return the API key of a login that was approved, once.

    Raises:
        LoginPending: Nobody has said anything yet.
        LoginDenied: Somebody said no.
        LoginExpired: It is over, or there is none.
    """
    now_ms = system_now_ms()
    with stores.atomic():
        login = stores.metadata.devices.find_by_device(_digest(device_code))
        if login is None or login.expires_ms <= now_ms or login.state is DeviceState.USED:
            raise LoginExpired("This login is over. Run `runyard login` again.")
        if login.state is DeviceState.DENIED:
            raise LoginDenied("The login was denied.")
        if login.state is DeviceState.PENDING:
            raise LoginPending("Nobody has approved the login yet.")
        owner = stores.metadata.credentials.find_principal(login.principal_id or "")
        if owner is None or not owner.is_active:
            raise LoginDenied("Whoever approved the login is locked out.")
        if not _is_still_good(stores, login, now_ms):
            raise LoginDenied("The key that the login was approved with has ended.")
        stores.metadata.devices.update_login(replace(login, state=DeviceState.USED))
        new = NewKey(
            name=f"login on {login.machine}",
            scope=login.scope or Scope.READER,
            workspace=login.workspace,
            expires_ms=now_ms + settings.login_days * DAY_MS,
            kind=KeyKind.LOGIN,
            parent_key_id=login.parent_key_id,
        )
        return add_key(stores, owner, new, now_ms)


def _is_still_good(stores: Stores, login: DeviceLogin, now_ms: int) -> bool:
    """Whether what a login was approved with is still good, and all that was made from."""
    if login.parent_key_id is None:  # by a browser that a provider of identities has signed in
        return True
    credentials = stores.metadata.credentials
    key = credentials.find_api_key(login.parent_key_id)
    return key is not None and all(
        each is not None and each.is_active(now_ms) for each in lineage(credentials, key)
    )


def find_login(call: Call, user_code: str) -> DeviceLogin:
    """Return the login that waits under a code, however it was typed.

    Raises:
        NotFound: None waits under it.
    """
    typed = "".join(each for each in user_code.upper() if each.isalnum())
    login = call.stores.metadata.devices.find_by_user_code(f"{typed[:4]}-{typed[4:]}")
    if login is None or login.expires_ms <= call.now_ms() or login.state is not DeviceState.PENDING:
        raise NotFound("No machine waits under this code: it was mistyped, is over, or was decided.")
    return login


def decide_login(call: Call, user_code: str, *, is_approved: bool) -> DeviceLogin:
    """Return a login after the caller has said yes or no; what it gives is what their credential gives.

    Raises:
        NotFound: None waits under the code.
        Forbidden: The caller sent a token, or may do nothing.
        InvalidState: It is the person at this machine, whom nobody else can be.
    """
    caller = identify(call)
    if caller.is_local_owner:
        raise InvalidState("Nobody logs in here: whoever is at this machine is its owner.")
    if caller.proof is Proof.TOKEN:
        raise Forbidden("A token can't log a machine in, which would outlive it; sign in.")
    if not caller.scope.allows(Permission.READ):
        raise not_allowed(Permission.READ, None)
    with call.stores.atomic():
        login = find_login(call, user_code)
        decided = replace(
            login,
            state=DeviceState.APPROVED if is_approved else DeviceState.DENIED,
            principal_id=caller.principal_id,
            scope=caller.scope,
            workspace=caller.workspace,
            parent_key_id=lineage_of(call, caller),
        )
        call.stores.metadata.devices.update_login(decided)
    return decided


def check_machine(machine: str) -> None:
    """Refuse what no machine calls itself.

    Raises:
        InvalidParameter: It is longer than 200 characters.
    """
    if len(machine) > 200:
        raise InvalidParameter("'machine' has at most 200 characters.")


def _digest(device_code: str) -> str:
    return hashlib.sha256(device_code.encode()).hexdigest()
