"""Which runs have changed lately, as far as this process knows: a hint in memory, that may be lost."""

from __future__ import annotations

import threading
import time

MAX_REMEMBERED = 100_000


class ChangedRuns:
    """Numbers of runs, those that were left alone for the longest time first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed_s: dict[int, float] = {}

    def note(self, run_number: int) -> None:
        """Note that a run changed just now."""
        with self._lock:
            self._changed_s.pop(run_number, None)
            self._changed_s[run_number] = time.monotonic()
            if len(self._changed_s) > MAX_REMEMBERED:
                del self._changed_s[next(iter(self._changed_s))]

    def take(self, quiet_s: float, limit: int) -> list[int]:
        """Return runs that have not changed for ``quiet_s``; each is told once until it changes again."""
        before_s = time.monotonic() - quiet_s
        taken: list[int] = []
        with self._lock:
            for run_number, changed_s in self._changed_s.items():
                if changed_s > before_s or len(taken) == limit:
                    break
                taken.append(run_number)
            for run_number in taken:
                del self._changed_s[run_number]
        return taken
