"""Ending what runs somewhere, and looking whether it does, however it goes on meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

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


def lives(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and that nobody has asked after does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
