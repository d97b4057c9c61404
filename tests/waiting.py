"""Waiting for what another process does, for at most a minute."""

import time
from collections.abc import Callable

WITHIN_S = 60.0


def until(is_so: Callable[[], bool]) -> None:
    """Return once it is so; fail if that takes a minute."""
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to be so within a minute"
        time.sleep(0.01)
