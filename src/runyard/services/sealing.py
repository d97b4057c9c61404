"""Secrets that the database keeps and must not tell: encrypted with a key that lies in the home."""

from __future__ import annotations

import base64
import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from runyard.errors import Unavailable
from runyard.settings import Settings

KEY_FILE: Final = "secrets.key"
_KEY_BYTES: Final = 32
_ALGORITHMS: Final = ["dir", "A256GCM"]
_SEALED: Final = "sealed:"


class Sealer:
    """Encrypts and decrypts with AES-256-GCM; what is sealed for one owner opens for no other.

    The key lies in a file of the home, made at the first use: whoever reads the database alone, or a dump of
    it, reads no secret. Servers that share a database share the home, or have copies of that file.

    Args:
        settings: Where the home is.
    """

    def __init__(self, settings: Settings) -> None:
        self._path = settings.home / KEY_FILE

    def seal(self, secret: str, owner: str) -> str:
        """Return a secret as the database may keep it; an empty one stays empty."""
        if not secret:
            return ""
        header = {"alg": _ALGORITHMS[0], "enc": _ALGORITHMS[1], "kid": owner}
        return _SEALED + jwe.encrypt_compact(header, secret.encode(), self._key, algorithms=_ALGORITHMS)

    def open(self, sealed: str, owner: str) -> str:
        """Return the secret; one of before secrets were sealed is as it is.

        Raises:
            Unavailable: It was sealed with another key, or for somebody else.
        """
        if not self.is_sealed(sealed):
            return sealed
        try:
            found = jwe.decrypt_compact(sealed.removeprefix(_SEALED), self._key, algorithms=_ALGORITHMS)
        # A signed address is a stranger's: at a list in place of a name joserfc fails by a TypeError.
        except (JoseError, ValueError, TypeError) as error:
            raise Unavailable(_WRONG_KEY) from error
        if found.protected.get("kid") != owner or found.plaintext is None:
            raise Unavailable(_WRONG_KEY)
        return found.plaintext.decode()

    @staticmethod
    def is_sealed(secret: str) -> bool:
        """Whether a text is what :meth:`seal` returned."""
        return secret.startswith(_SEALED)

    @cached_property
    def _key(self) -> OctKey:
        try:
            key: OctKey = OctKey.import_key(_read_or_make(self._path))
        except (OSError, ValueError) as error:
            raise Unavailable(f"The file {KEY_FILE} in this server's home can't be made or read.") from error
        return key


_WRONG_KEY: Final = (
    f"a secret was encrypted with another key than the file {KEY_FILE} in this server's home holds; "
    "copy that file from the home it was made in, or set the secret again"
)


def _read_or_make(path: Path) -> bytes:
    """Return the key, and make it if nobody has: of many that do at once, one wins."""
    if not path.exists():
        new = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
        opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "wb") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(new, path)
        except FileExistsError:
            pass
        finally:
            new.unlink()
    return base64.urlsafe_b64decode(path.read_bytes())
