"""Secrets in the keyring of the person's system, for who wants none in a file (the extra ``keyring``)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from runyard.errors import InvalidState
from runyard.sdk.optional_libraries import optional_library

SERVICE = "runyard"
_PROBE = "runyard login"


def keep(server: str, secret: str) -> None:
    """Keep the API key for a server; the system may ask the person to unlock the keyring.

    Raises:
        InvalidParameter: The library is not installed.
        InvalidState: There is no keyring, it is locked, or what it was given is not what it gives back.
    """
    keyring = _library()
    with _said_plainly("keep a secret"):
        keyring.set_password(SERVICE, server, secret)
    # One that is switched off takes everything and keeps nothing.
    if find(server) != secret:
        raise InvalidState(f"The keyring {keyring.get_keyring().name!r} did not keep the secret.")


def check() -> None:
    """Return if there is a keyring that keeps secrets; the system may ask the person to unlock it.

    Raises:
        InvalidParameter: The library is not installed.
        InvalidState: There is no keyring, it is locked, or it keeps nothing.
    """
    keep(_PROBE, _PROBE)
    forget(_PROBE)


def find(server: str) -> str | None:
    """Return the API key for a server, if the keyring has one; blocks for as long as the system asks.

    Raises:
        InvalidParameter: The library is not installed.
        InvalidState: There is no keyring, or it is locked.
    """
    keyring = _library()
    with _said_plainly("give a secret"):
        secret: str | None = keyring.get_password(SERVICE, server)
    return secret


def forget(server: str) -> None:
    """Take the API key for a server out of the keyring; one that it has not is no error.

    Raises:
        InvalidParameter: The library is not installed.
        InvalidState: There is no keyring, or it is locked.
    """
    if find(server) is not None:
        with _said_plainly("remove a secret"):
            _library().delete_password(SERVICE, server)


@contextlib.contextmanager
def _said_plainly(what: str) -> Iterator[None]:
    """Raise what a keyring says in words of ours; a backend of the system has errors of its own besides."""
    errors = optional_library("keyring.errors", "A system keyring", "'runyard[keyring]'")
    try:
        yield
    except (errors.KeyringError, OSError, RuntimeError) as error:
        raise InvalidState(f"The keyring of this machine can't {what}: {error}") from None


def _library() -> Any:
    return optional_library("keyring", "A system keyring", "'runyard[keyring]'")
