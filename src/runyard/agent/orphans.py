"""What a script leaves behind although it left the script's group, as daemons do: the agent's to end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

GONE_WITHIN_S = 5.0

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Let processes whose parents end below this one become its own children, where the kernel knows how."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def bury_orphans(own: int) -> None:
    """Take note of adopted children that have ended, so that they leave the table of processes.

    Args:
        own: The child whose end somebody else waits for.
    """
    for pid in _children():
        if pid != own:
            _bury(pid)


def end_orphans() -> None:
    """End all children of this process, and those that become its children by that.

    To be called when no child is there that was made on purpose.
    """
    until_s = time.monotonic() + GONE_WITHIN_S
    while children := list(_children()):
        for pid in children:
            # One that may not be ended any more is another user's by now.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
            _bury(pid)
        if time.monotonic() > until_s:
            return
        time.sleep(0.01)


def _children() -> Iterator[int]:
    # A child belongs to the thread that made it, an adopted one to any.
    for path in Path("/proc/self/task").glob("*/children"):
        # A thread may end meanwhile.
        with contextlib.suppress(OSError):
            yield from map(int, path.read_text(encoding="ascii").split())


def _bury(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
