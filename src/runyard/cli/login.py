"""`runyard login`, `logout` and `whoami`: this machine's API key for a server."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import time
import webbrowser
from collections.abc import Iterator
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from runyard.cli.options import THIS_SERVER, Json, Server
from runyard.cli.printing import note, print_json, print_pairs, say, time_text
from runyard.errors import (
    InvalidParameter,
    InvalidState,
    LoginExpired,
    LoginPending,
    RunyardError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from runyard.protocol.messages.signing_in import (
    BeginLogin,
    BeginLoginAnswer,
    FetchLogin,
    FetchLoginAnswer,
)
from runyard.protocol.messages.tokens import GetCallerAnswer
from runyard.sdk.addresses import server_url, without_workspace
from runyard.sdk.connection import Connection, connect_by_key
from runyard.sdk.credentials import (
    API_KEY_PREFIX,
    FixedToken,
    check_keeps,
    forget_secret,
    keep_secret,
    kept_secret,
)
from runyard.sdk.principals import ApiKeys
from runyard.sdk.transport import HttpTransport

_CALLER = "/api/v1/caller"
Address = Annotated[str | None, Parameter(help="Address of the server; by default the nearest one.")]


def login(
    address: Address = None,
    *,
    api_key: Annotated[
        str | None,
        Parameter(
            help="Keep this API key; `-` reads it from the input, where nobody sees it.",
            allow_leading_hyphen=True,
        ),
    ] = None,
    without_browser: Annotated[bool, Parameter(help="Only print the address to open.")] = False,
    keyring: Annotated[
        bool, Parameter(help="Keep the key in the system's keyring and not in a file ('runyard[keyring]').")
    ] = False,
    server: Server = THIS_SERVER,
) -> None:
    """Log this machine in to a server: somebody who is signed in there approves it in a browser.

    The key that it gets is kept in a file that only you can read, and is exchanged for tokens of an hour.
    """
    url = _address(address, server)
    _check_keeps(in_keyring=keyring)
    secret = _given(api_key) if api_key is not None else _approved(url, opens_browser=not without_browser)
    connection = Connection(HttpTransport(url, FixedToken(secret)))
    with _ended_unless_kept(connection, secret) if api_key is None else contextlib.nullcontext():
        caller = connection.get(_CALLER, GetCallerAnswer)
        path = keep_secret(url, secret, in_keyring=keyring)
    say(f"This machine is logged in to {url} as {caller.name}.")
    note(f"You are {_roles(caller) or 'in no workspace yet: ask an administrator for a role'}.")
    note(f"The key is in {'the keyring of this machine' if keyring else path}." + _until(caller))
    if os.environ.get("RUNYARD_TOKEN"):
        note("RUNYARD_TOKEN is set and goes before it; unset it to use the key.")
    if not _is_the_usual(url):
        note(f"Commands go to another server until you say: export RUNYARD_URL={url}")


def logout(address: Address = None, *, server: Server = THIS_SERVER) -> None:
    """Log this machine out of a server: its API key is ended there and removed here."""
    url = _address(address, server)
    secret = kept_secret(url)
    if secret is None:
        say(f"This machine is not logged in to {url}.")
        return
    # It is kept if the server can't be asked: what is lost here could not be ended there.
    with contextlib.suppress(Unauthenticated):
        _end(Connection(HttpTransport(url, FixedToken(secret))), secret)
    forget_secret(url)
    say(f"This machine is logged out of {url}, and its API key is ended.")


def whoami(address: Address = None, *, server: Server = THIS_SERVER, json: Json = False) -> None:
    """Say who you are to a server, and what you may do where."""
    url = _address(address, server)
    caller = connect_by_key(url).get(_CALLER, GetCallerAnswer)
    if json:
        print_json({name: getattr(caller, name) for name in caller.__struct_fields__})
        return
    print_pairs(
        {
            "Server": url,
            "Name": caller.name,
            "Administrator": "yes" if caller.is_administrator else "no",
            "Roles": _roles(caller) or "none",
            "Credential": f"{caller.scope} in {caller.workspace or 'all workspaces'}",
            "Good until": "-" if caller.expires_ms is None else time_text(caller.expires_ms),
        }
    )


def _address(address: str | None, server: Server) -> str:
    return without_workspace(server_url(address) if address else server.address())


def _is_the_usual(url: str) -> bool:
    """Tell whether a command that names no server goes to this one."""
    try:
        return without_workspace(THIS_SERVER.address()) == url
    except RunyardError:  # a configuration that can't be read; the next command says so
        return False


def _check_keeps(*, in_keyring: bool) -> None:
    """Refuse before anybody has approved anything what could not be kept afterwards."""
    try:
        check_keeps(in_keyring=in_keyring)
    except InvalidState as error:
        if not in_keyring:
            raise
        hint = "Leave --keyring out to keep the key in a file that only you can read."
        raise InvalidState(f"{str(error).rstrip('.')}. {hint}") from None


@contextlib.contextmanager
def _ended_unless_kept(connection: Connection, secret: str) -> Iterator[None]:
    """End an API key that somebody approved if it can't be kept: it would be good and nobody's to use."""
    try:
        yield
    except (RunyardError, OSError):
        with contextlib.suppress(RunyardError):  # what went wrong first is what the person should know
            _end(connection, secret)
        raise


def _end(connection: Connection, secret: str) -> None:
    ApiKeys(connection).revoke(secret.removeprefix(API_KEY_PREFIX).partition("_")[0])


def _given(api_key: str) -> str:
    secret = sys.stdin.readline().strip() if api_key == "-" else api_key
    if not secret.startswith(API_KEY_PREFIX):
        raise InvalidParameter(f"An API key begins with {API_KEY_PREFIX}.")
    return secret


def _approved(url: str, *, opens_browser: bool) -> str:
    """Return the API key that somebody approved in a browser; blocks until then."""
    connection = Connection(HttpTransport(url))
    asked = BeginLogin(machine=platform.node()[:200])
    begun = connection.post("/api/v1/device/authorize", asked, BeginLoginAnswer)
    note(f"Open {begun.verification_uri_complete}")
    note(f"and approve the code  {begun.user_code}")
    if opens_browser:
        webbrowser.open(begun.verification_uri_complete)
    until_s = time.monotonic() + begun.expires_in
    fetched = FetchLogin(device_code=begun.device_code)
    with Console(stderr=True).status("Waiting for somebody to approve it"):
        while time.monotonic() < until_s:
            # A server that is away or busy for a moment may have the answer at the next try.
            with contextlib.suppress(LoginPending, TooManyRequests, Unavailable):
                return connection.post("/api/v1/device/token", fetched, FetchLoginAnswer).api_key
            time.sleep(begun.interval)
    raise LoginExpired("Nobody approved the login in time. Run `runyard login` again.")


def _roles(caller: GetCallerAnswer) -> str:
    if caller.is_administrator:
        return "administrator of all workspaces"
    roles = [f"{role} of {name}" for name, role in caller.roles.items()]
    for name, single in caller.experiment_roles.items():
        roles += [f"{role} of experiment {each} in {name}" for each, role in single.items()]
    return ", ".join(roles)


def _until(caller: GetCallerAnswer) -> str:
    return "" if caller.expires_ms is None else f" It is good until {time_text(caller.expires_ms)}."
