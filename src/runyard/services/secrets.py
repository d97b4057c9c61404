"""The secrets of a workspace: set, listed by their names, and read by who has the permission for that."""

from __future__ import annotations

import re
from typing import Final

from runyard.entities.secret import Secret
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol import limits
from runyard.services.call import Call
from runyard.services.sealing import Sealer
from runyard.services.tokens import identify

MAX_SECRETS: Final = 1000
MAX_NAME_LENGTH: Final = 127
MAX_VALUE_BYTES: Final = 25_600
MAX_CONTENT_TYPE_LENGTH: Final = 255
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")


def set_secret(call: Call, name: str, value: str, content_type: str = "") -> Secret:
    """Keep a value under a name, in place of the one before, and return what may be told of it.

    Raises:
        InvalidParameter: There can be no such name or value, or the workspace has too many secrets.
    """
    _check_name(name)
    _check_value(value)
    limits.check_length(content_type, MAX_CONTENT_TYPE_LENGTH, "content_type")
    sealed = Sealer(call.settings).seal(value, _owner(call, name))
    secret = Secret(name, content_type, call.now_ms(), call.now_ms(), identify(call).name)
    kept, workspace = call.stores.metadata.secrets, call.workspace.name
    with call.stores.atomic(alone_for=f"secrets of {workspace}"):
        kept.set_secret(workspace, secret, sealed)
        found = {each.name: each for each in kept.list_secrets(workspace)}
        if len(found) > MAX_SECRETS:
            raise InvalidParameter(f"A workspace may have {MAX_SECRETS} secrets; delete one first.")
    return found[name]


def list_secrets(call: Call) -> list[Secret]:
    """Return the secrets of the workspace without their values, by name."""
    return call.stores.metadata.secrets.list_secrets(call.workspace.name)


def read_secret(call: Call, name: str) -> tuple[Secret, str]:
    """Return a secret and its value.

    Raises:
        NotFound: The workspace has none of that name.
        Unavailable: It was encrypted with a key that this server has not.
    """
    _check_name(name)
    secret, sealed = call.stores.metadata.secrets.read_sealed(call.workspace.name, name)
    return secret, Sealer(call.settings).open(sealed, _owner(call, name))


def remove_secret(call: Call, name: str) -> None:
    """Forget a secret.

    Raises:
        NotFound: The workspace has none of that name.
    """
    _check_name(name)
    with call.stores.atomic():
        if not call.stores.metadata.secrets.remove_secret(call.workspace.name, name):
            raise NotFound(f"Workspace '{call.workspace.name}' has no secret '{name}'.")


def _owner(call: Call, name: str) -> str:
    """Return whom a value is sealed for: copied to another workspace or name, it does not open."""
    return f"secret {call.workspace.name}/{name}"


def _check_name(name: str) -> None:
    if len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        raise InvalidParameter(
            f"Invalid value {name[:MAX_NAME_LENGTH]!r} for 'secret_name': expected 1 to {MAX_NAME_LENGTH} "
            "letters of ASCII, digits, '-', '_' or '.'."
        )


def _check_value(value: str) -> None:
    """Refuse a value that can't be kept; the refusal doesn't say what it was."""
    size_bytes = len(value.encode(errors="replace"))
    if not value:
        raise InvalidParameter("'value' is empty; delete the secret instead.")
    if size_bytes > MAX_VALUE_BYTES:
        raise InvalidParameter(f"'value' has {size_bytes} bytes; a secret may have {MAX_VALUE_BYTES}.")
