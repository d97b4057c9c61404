"""Remembers for a moment who sent a credential: a training run sends the same one with each request."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from runyard.auth.permissions import Caller

MAX_AGE_S = 0.25
MAX_KNOWN = 4_096

Authenticate = Callable[[str | None], Caller | None]


class KnownCallers:
    """Answers from memory whom the server found to have sent a credential a moment ago.

    What is refused is not kept. A credential that ends by way of this process is refused at once; one that
    another process ends, a quarter of a second later than the store of credentials sees it: within the second
    that its contract allows.

    Args:
        authenticate: Returns who sent an ``Authorization`` header; may ask the store.
        changes: A number that is another one after each change of credentials in this process.
    """

    def __init__(self, authenticate: Authenticate, changes: Callable[[], int]) -> None:
        self._authenticate = authenticate
        self._changes = changes
        self._known: dict[bytes, tuple[float, int, Caller]] = {}

    def remembered(self, authorization: str | None) -> Caller | None:
        """Return who sent this if that is known without asking the store."""
        if authorization is None:
            return self._authenticate(None)
        known = self._known.get(_digest(authorization))
        if known is None or time.monotonic() - known[0] >= MAX_AGE_S or known[1] != self._changes():
            return None
        return known[2]

    def find(self, authorization: str | None) -> Caller | None:
        """Return who sent this; ``None`` if nobody did.

        Raises:
            Unauthenticated: It is no credential that is good.
        """
        known = self.remembered(authorization)
        if known is not None or authorization is None:
            return known
        # Both from before the question: what changes while it is answered must not be missed for longer.
        now_s, changes = time.monotonic(), self._changes()
        caller = self._authenticate(authorization)
        if caller is not None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[_digest(authorization)] = (now_s, changes, caller)
        return caller


def _digest(authorization: str) -> bytes:
    """Secrets are not for keeping."""
    return hashlib.sha256(authorization.encode()).digest()
