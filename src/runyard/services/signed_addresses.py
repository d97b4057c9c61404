"""Addresses of single files that are credentials of their own, for clients that send none with the bytes.

Such an address holds, encrypted, a token of whoever asked for it, and the one file and the one use that it is
good for. So what was taken from them meanwhile (a role, a key) ends it as it ends everything else, and who
finds one can do nothing but that.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import msgspec

from runyard.auth.permissions import Caller, Permission, Proof
from runyard.decoding import learnt
from runyard.errors import RunyardError, Unauthenticated
from runyard.services.call import Call, system_now_ms
from runyard.services.sealing import Sealer
from runyard.services.tokens import identify, issue_for
from runyard.settings import Settings

VALID_S: Final = 3600
MAX_SIGNATURE_LENGTH: Final = 6000
_OWNER: Final = "signed-address"
_WRONG: Final = (
    "This address of a file is not good: it was changed, is for another file or another use, or has expired. "
    "Ask for a new one."
)


class _Signed(msgspec.Struct, frozen=True, array_like=True):
    """What a signature holds. ``token`` is a credential, and never leaves the server but in here."""

    workspace: str
    path: str
    is_write: bool
    expires_ms: int
    token: str


def sign(call: Call, path: str, *, is_write: bool, sent: str) -> str:
    """Return what makes the address of one file of the caller's workspace good for an hour.

    Args:
        call: Who asks; what they may not do, the address does not do either.
        path: The path below the workspace, as it will be in the address.
        is_write: Whether it is to write the file, else to read it.
        sent: The credential that they sent, if any: of a job it is kept itself, as no token is made of it.

    Raises:
        Unauthenticated: Nobody asks.
    """
    token, expires_ms = _held(call, identify(call), sent)
    kept = _Signed(call.workspace.name, path, is_write, expires_ms, token)
    sealed = Sealer(call.settings).seal(msgspec.json.encode(kept).decode(), _OWNER)
    return sealed.partition(":")[2]


def _held(call: Call, caller: Caller, sent: str) -> tuple[str, int]:
    if caller.job is not None:
        return sent, call.now_ms() + VALID_S * 1000
    # A token can't be made from a token, lest it be renewed for ever. This one nobody gets to hold.
    holder = dataclasses.replace(caller, proof=Proof.API_KEY, expires_ms=None)
    issued = issue_for(call, holder, call.workspace.name, caller.scope, VALID_S)
    return issued.text, issued.expires_ms


def authorization_in(
    settings: Settings, signature: str, workspace: str, path: str, permits: Permission
) -> str:
    """Return the ``Authorization`` that a signed address stands for.

    Args:
        settings: Where the key lies.
        signature: What :func:`sign` returned.
        workspace: The workspace that the address names.
        path: The path that it names.
        permits: ``READ`` or ``CONTRIBUTE``: what is to be done with the file.

    Raises:
        Unauthenticated: It is not good for that.
    """
    if len(signature) > MAX_SIGNATURE_LENGTH:
        raise Unauthenticated(_WRONG)
    try:
        text = Sealer(settings).open(f"sealed:{signature}", _OWNER)
        signed = msgspec.json.decode(text, type=learnt(_Signed))
    except (RunyardError, msgspec.MsgspecError, ValueError):
        raise Unauthenticated(_WRONG) from None
    is_this = (signed.workspace, signed.path) == (workspace, path)
    if not is_this or signed.is_write != (permits is Permission.CONTRIBUTE):
        raise Unauthenticated(_WRONG)
    if signed.expires_ms <= system_now_ms():
        raise Unauthenticated(_WRONG)
    return f"Bearer {signed.token}"
