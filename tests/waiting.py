"""Waiting for what another process does, for at most five minutes unless it is known to take longer."""

import time
from collections.abc import Callable

WITHIN_S = 300.0


def until(is_so: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    """Return once it is so; fail if that takes too long."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"it did not come to be so within {within_s:g} s"
        time.sleep(0.01)
