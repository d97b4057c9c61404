"""Waiting through a server's absence, as while it is started anew."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from runyard.errors import Unavailable
from runyard.sdk.run_sinks import print_line

AWAY_AT_MOST_S = 600.0
ASKED_AGAIN_AFTER_S = 1.0

Answer = TypeVar("Answer")


class Patience:
    """Bears with a server that has answered once and is away for a while: its jobs go on.

    Args:
        pause: Waits between two questions.
        clock: Tells the time in seconds.
    """

    def __init__(
        self, pause: Callable[[float], object] = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pause = pause
        self._clock = clock
        self._has_answered = False
        self._away_since_s: float | None = None

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Return the answer to a question that may be asked twice.

        Raises:
            Unavailable: The server has never answered, or not for ten minutes.
        """
        while True:
            try:
                answer = question()
            except Unavailable:  # noqa: PERF203 - a second lies between two
                if self._is_over():
                    raise
                self._pause(ASKED_AGAIN_AFTER_S)
            else:
                self._has_answered, self._away_since_s = True, None
                return answer

    def _is_over(self) -> bool:
        if not self._has_answered:
            return True
        if self._away_since_s is None:
            self._away_since_s = self._clock()
            print_line("The server does not answer; it is waited for, ten minutes at most.", sys.stderr)
        return self._clock() - self._away_since_s >= AWAY_AT_MOST_S
