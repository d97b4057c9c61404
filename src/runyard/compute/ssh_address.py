"""How a host is found and known over SSH."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from runyard.compute.base import CredentialPart
from runyard.errors import Unavailable

CREDENTIAL: Final = (
    CredentialPart("private_key", "The text of the file of a private key.", has_lines=True),
    CredentialPart("private_key_passphrase", "What that key is encrypted with, if it is."),
    CredentialPart("password", "The password of the user there, in place of a key."),
)
"""What a host may be entered with."""
KNOWN_BY: Final = ("known_hosts", "host_key_fingerprint")
"""The settings by which a host is known to be that one."""

_PRINTABLE = r"^[^\s\x00-\x1f\x7f-][^\s\x00-\x1f\x7f]*$"
_FINGERPRINT = r"^(SHA256:[A-Za-z0-9+/]{43})?$"

Word = Annotated[str, msgspec.Meta(pattern=_PRINTABLE, max_length=255)]
Line = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=8_000)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]


class SshAddress(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A host, and by what it is known to be that one.

    Args:
        host: Its name or number.
        username: Whom commands run as there.
        port: Where its sshd listens.
        known_hosts: Lines as in ``~/.ssh/known_hosts``, with its key or with who signed it.
        host_key_fingerprint: Of its key, as ``ssh-keygen -l`` prints it, in place of such lines.
    """

    host: Word
    username: Word
    port: Port = 22
    known_hosts: Annotated[list[Line], msgspec.Meta(max_length=100)] = []
    host_key_fingerprint: Annotated[str, msgspec.Meta(pattern=_FINGERPRINT)] = ""

    def __post_init__(self) -> None:
        if not self.known_hosts and not self.host_key_fingerprint:
            raise ValueError(
                "by what is the host known? Give known_hosts (the lines that `ssh-keyscan` prints) or "
                "host_key_fingerprint (SHA256:...); no host is believed unseen"
            )


class NotForwarded(Unavailable):
    """The host answers, and lets nobody listen on that port."""
