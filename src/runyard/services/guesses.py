"""Slows down who tries codes and keys that there are none of."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from runyard.errors import TooManyRequests

FREE = 20
"""So many may be wrong in a row; a person mistypes, a script has an old key."""
LONGEST_S = 60.0
FORGOTTEN_AFTER_S = 600.0
MAX_CLIENTS = 10_000


@dataclass(slots=True)
class _Client:
    wrong: int = 0
    last_s: float = 0.0


class Guesses:
    """Counts what each network address got wrong; waits double from a second to a minute.

    Args:
        clock: Seconds that only go up.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._clients: dict[str, _Client] = {}
        self._lock = threading.Lock()

    def check(self, client: str) -> None:
        """Return if an address may try now.

        Raises:
            TooManyRequests: It has to wait.
        """
        with self._lock:
            known = self._clients.get(client)
            if known is None or known.wrong < FREE:
                return
            waits_s = min(LONGEST_S, 2.0 ** min(known.wrong - FREE, 10))
            left_s = known.last_s + waits_s - self._clock()
        if left_s > 0:
            whole_s = math.ceil(left_s)
            raise TooManyRequests(
                f"Too many wrong credentials came from this address. Try again in {whole_s} seconds.", whole_s
            )

    def note_wrong(self, client: str) -> None:
        """Remember that an address got one wrong."""
        now_s = self._clock()
        with self._lock:
            if len(self._clients) >= MAX_CLIENTS:
                self._forget(now_s)
            known = self._clients.setdefault(client, _Client())
            if now_s - known.last_s > FORGOTTEN_AFTER_S:
                known.wrong = 0
            known.wrong += 1
            known.last_s = now_s

    def _forget(self, now_s: float) -> None:
        old = [each for each, known in self._clients.items() if now_s - known.last_s > FORGOTTEN_AFTER_S]
        for each in old or list(self._clients)[: MAX_CLIENTS // 10]:
            del self._clients[each]
