"""Ending what runs somewhere, however it goes on meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable

from tests.waiting import until


def kill_all(pids: Callable[[], Iterable[int]]) -> None:
    """Kill the processes that are there, and those that they start meanwhile, until there are none."""

    def is_empty() -> bool:
        found = list(pids())
        for pid in found:
            kill(pid)
        return not found

    until(is_empty)


def kill(pid: int) -> None:
    """Kill one process; it may have ended since somebody looked."""
    assert pid > 1, "that would be more than one process"
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
