"""API keys: made from random bits, kept as a digest, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

_FORM = re.compile(r"ry_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)


class PresentedSecret:
    """What proves a key: 256 random bits, of which a store keeps a digest."""

    __slots__ = ()
    secret: str

    @property
    def secret_sha256(self) -> str:
        """What a store keeps of it."""
        # A slow, salted hash protects a password, which people choose from few. These are 256 random bits:
        # nobody can try them all, whatever a single try costs, and each request pays for the hash.
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def matches(self, secret_sha256: str) -> bool:
        """Whether this is the key that ``secret_sha256`` was kept of; takes the same time either way."""
        return hmac.compare_digest(self.secret_sha256, secret_sha256)


@dataclass(frozen=True, slots=True)
class PresentedKey(PresentedSecret):
    """An API key as somebody holds it; its ``repr`` has no secret, so that a log can't have one either."""

    key_id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """The key as it is shown once to its owner, and as they send it."""
        return f"ry_{self.key_id}_{self.secret}"


def new_api_key() -> PresentedKey:
    """Return a key that nobody had before: 48 random bits that name it, 256 that prove it."""
    return PresentedKey(key_id=secrets.token_hex(6), secret=secrets.token_urlsafe(32))


def read_api_key(text: str) -> PresentedKey | None:
    """Return the key that ``text`` spells, or ``None`` if it has another form than ``ry_<id>_<secret>``."""
    match = _FORM.fullmatch(text)
    return PresentedKey(*match.groups()) if match else None
