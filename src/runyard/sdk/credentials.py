"""Where a token comes from: the environment, the credentials file, the exchange of a key for a token."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from runyard.decoding import learnt
from runyard.errors import Forbidden, InvalidParameter, InvalidState, RunyardError, Unauthenticated
from runyard.protocol.messages.tokens import CreateToken, CreateTokenAnswer
from runyard.sdk import system_keyring
from runyard.sdk.addresses import origin, without_workspace
from runyard.sdk.databricks.secret import secret_of_databricks
from runyard.sdk.transport import Credential, HttpTransport, Request, Transport

API_KEY_PREFIX = "ry_"
RENEW_BEFORE_S = 300.0

Clock = Callable[[], float]

# A token grows old while a laptop sleeps; Python's monotonic clock stands still then.
_ALSO_ASLEEP = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def seconds_also_asleep() -> float:
    """Return seconds that never go back, and that go on while the machine sleeps."""
    return time.monotonic() if _ALSO_ASLEEP is None else time.clock_gettime(_ALSO_ASLEEP)


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A token that was given as it is and that nobody can renew."""

    value: str

    def token(self) -> str | None:
        """Return the token."""
        return self.value

    def renewed(self, refused: str) -> str | None:
        """Return None: there is no other one."""
        return None

    def __repr__(self) -> str:
        return "FixedToken(...)"


class ApiKey:
    """An API key, exchanged for tokens of at most an hour that are renewed before they expire.

    Safe to use from several threads: they share one token, and one of them renews it.

    Args:
        key: The key, ``ry_...``.
        transport: Reaches the server that made the key, without a credential of its own.
        clock: Seconds that never go back, and go on while the machine sleeps.
    """

    def __init__(self, key: str, transport: Transport, *, clock: Clock = seconds_also_asleep) -> None:
        self._key = key
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._renew_at_s = 0.0
        self._expires_at_s = 0.0

    def token(self) -> str | None:
        """Return a token that is valid now; blocks for one request when it has to be renewed.

        Raises:
            Unauthenticated: The server does not know the key.
            Unavailable: The server does not answer, and the last token has expired.
        """
        with self._lock:
            if self._token is None or self._clock() >= self._renew_at_s:
                self._renew()
            return self._token

    def renewed(self, refused: str) -> str | None:
        """Return a token other than the refused one; another thread may have fetched it meanwhile."""
        with self._lock:
            if self._token == refused:
                self._expires_at_s = 0.0
                self._renew()
            return self._token

    def _renew(self) -> None:
        asked_s = self._clock()
        try:
            granted = exchange(self._transport, self._key)
        except (Unauthenticated, Forbidden):
            self._token = None
            raise
        except RunyardError:
            # The token in hand may outlive a restart of the server.
            if self._token is None or asked_s >= self._expires_at_s:
                raise
            return
        self._token = granted.access_token
        self._expires_at_s = asked_s + granted.expires_in_s
        self._renew_at_s = self._expires_at_s - min(RENEW_BEFORE_S, granted.expires_in_s / 4)

    def __repr__(self) -> str:
        return f"ApiKey({self._key.rpartition('_')[0]}_...)"


def exchange(
    transport: Transport,
    key: str | None = None,
    *,
    workspace: str | None = None,
    scope: str | None = None,
    expires_in_s: int | None = None,
) -> CreateTokenAnswer:
    """Ask the server for a token, with an API key or, where none is needed, without.

    Args:
        transport: Reaches the server.
        key: The API key; None when the transport has a credential, or when the server asks for none.
        workspace: The only workspace that the token is to be good for.
        scope: The most that it may do: ``reader``, ``contributor``, ``owner`` or ``admin``.
        expires_in_s: For how long, at most 3600.

    Raises:
        Unauthenticated: The key is not valid.
        Forbidden: The key does not allow that workspace or scope.
    """
    body = msgspec.json.encode(CreateToken(workspace=workspace, scope=scope, expires_in_s=expires_in_s))
    request = Request("POST", "/api/v1/token", body=body, is_repeatable=True, authorization=key)
    return msgspec.json.decode(transport.send(request).read(), type=learnt(CreateTokenAnswer))


_known_lock = threading.Lock()
_known: dict[tuple[str, str], Credential] = {}
_from_keyring: dict[tuple[str, int], str] = {}


def find_credential(url: str) -> Credential | None:
    """Return the credential for the server at ``url``, or None when there is none.

    It looks in ``RUNYARD_TOKEN`` (an API key or a token; with ``RUNYARD_URL`` set it is for that
    server alone), then, for that server, among the secrets of Databricks if ``RUNYARD_DATABRICKS_SECRET``
    names one, then in the credentials file, which knows a key per server. What it finds is kept
    for the life of the process, so that all users of a key share its token.

    Args:
        url: Address of the server or of one of its workspaces.

    Raises:
        InvalidState: Others can read the credentials file.
    """
    secret = known_secret(url)
    if secret is None:
        return None
    with _known_lock:
        known = (origin(url), secret)
        if known not in _known:
            _known[known] = _credential(secret, url)
        return _known[known]


def credentials_path() -> Path:
    """Return where the credentials file lies: ``runyard/credentials.json`` in the person's configuration."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "runyard" / "credentials.json"


def keep_secret(url: str, secret: str, *, in_keyring: bool = False) -> Path:
    """Write the API key for the server at ``url`` into the credentials file, which nobody else can read.

    Args:
        url: Address of the server; what is kept for others stays.
        secret: The key.
        in_keyring: Whether the key goes into the system's keyring, and the file says only that it is there.

    Returns:
        The file.

    Raises:
        InvalidParameter: There is no library for keyrings.
        InvalidState: Others can read the file, it is no credentials file, or the keyring keeps nothing.
    """
    kept, server = _read_credentials(), origin(url)
    if in_keyring:
        system_keyring.keep(server, secret)
    elif server in kept and kept[server] is None:
        # Somebody whose keyring is broken, or gone, goes back to the file.
        with contextlib.suppress(InvalidState, InvalidParameter):
            system_keyring.forget(server)
    return _write_credentials({**kept, server: None if in_keyring else secret})


def check_keeps(*, in_keyring: bool) -> None:
    """Return if an API key could be kept now; to be called before anybody is asked for one.

    Raises:
        InvalidParameter: There is no library for keyrings.
        InvalidState: Others can read the credentials file, it is none, or the keyring keeps nothing.
    """
    _read_credentials()
    if in_keyring:
        system_keyring.check()


def kept_secret(url: str) -> str | None:
    """Return the API key for the server at ``url`` in the credentials file, or where that says it is.

    The keyring is asked once in a process, and again when the file has changed: each question is a call to
    another process, and may be one to the person.

    Raises:
        InvalidParameter: It is in a keyring, and there is no library for keyrings.
        InvalidState: Others can read the file, it is no credentials file, or the keyring gives nothing.
    """
    kept, server = _read_credentials(), origin(url)
    if server not in kept or kept[server] is not None:
        return kept.get(server)
    with _known_lock:
        known = (server, credentials_path().stat().st_mtime_ns)
        if known not in _from_keyring:
            secret = system_keyring.find(server)
            if secret is None:
                return None
            _from_keyring[known] = secret
        return _from_keyring[known]


def forget_secret(url: str) -> None:
    """Take the API key for the server at ``url`` out of the credentials file, and out of the keyring.

    Raises:
        InvalidParameter: It is in a keyring, and there is no library for keyrings.
        InvalidState: Others can read the file, it is no credentials file, or the keyring can't be changed.
    """
    known, server = _read_credentials(), origin(url)
    if server in known:
        if known.pop(server) is None:
            system_keyring.forget(server)
        _write_credentials(known)


def _write_credentials(secrets_by_server: Mapping[str, str | None]) -> Path:
    path = credentials_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    servers: dict[str, dict[str, object]] = {
        server: {"keyring": True} if secret is None else {"token": secret}
        for server, secret in secrets_by_server.items()
    }
    new = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        json.dump({"servers": servers}, opened, indent=2)
    new.replace(path)
    return path


def _credential(secret: str, url: str) -> Credential:
    if secret.startswith(API_KEY_PREFIX):
        return ApiKey(secret, HttpTransport(without_workspace(url)))
    return FixedToken(secret)


def known_secret(url: str) -> str | None:
    """Return the API key or the token for the server at ``url``, or None; see :func:`find_credential`.

    Raises:
        InvalidState: Others can read the credentials file.
        Unauthenticated: Databricks does not give the secret that is named.
    """
    secret = os.environ.get("RUNYARD_TOKEN")
    named_url = os.environ.get("RUNYARD_URL")
    if secret and (not named_url or origin(named_url) == origin(url)):
        return secret
    if named_url and origin(named_url) == origin(url):
        linked = secret_of_databricks()
        if linked is not None:
            return linked
    return kept_secret(url)


def _read_credentials() -> dict[str, str | None]:
    """Return the secrets of the credentials file by the server's origin; ``None`` for one in the keyring.

    The file is ``{"servers": {"https://lab.example:443": {"token": "ry_..."}}}``, or ``{"keyring": true}``
    for a server.
    """
    path = credentials_path()
    try:
        with path.open(encoding="utf-8") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise InvalidState(f"{path} holds secrets and others can read it. Run: chmod 600 '{path}'")
            content = json.load(opened)
        servers = {
            origin(url): None if entry.get("keyring") is True else entry["token"]
            for url, entry in content["servers"].items()
        }
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidState(f"{path} is not a credentials file of Runyard: {error}") from None
    return servers
