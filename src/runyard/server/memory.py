"""How much of the machine's memory a server keeps: what large answers needed goes back."""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Of glibc's <malloc.h>.
_M_ARENA_MAX = -8

HEAPS = 2
GROWN_BYTES = 64 * 1024 * 1024
"""By how much a server has grown when it is worth looking for what can go back."""
LOOKS_EVERY_S = 5.0
_STATM = Path("/proc/self/statm")


def share_heaps() -> bool:
    """Have all threads allocate from two heaps, and return whether the C library can be told so.

    Left alone, glibc gives them up to eight for each processor; what is free in one is of no use to another.
    """
    mallopt = _of_the_c_library("mallopt")
    return mallopt is not None and mallopt(_M_ARENA_MAX, HEAPS) == 1


class FreedMemory:
    """Gives memory that was freed back to the system, now and then.

    glibc keeps pieces of up to 32 MiB for the next who asks, once one such was freed: a history of a million
    points would be paid for as long as the server lives. To have each such piece come from the system and go
    back at once is no better: it halves what a second brings of long histories and large files.
    """

    def __init__(self) -> None:
        self._trim = _of_the_c_library("malloc_trim")
        self._kept_bytes = _resident_bytes()

    def give_back(self) -> bool:
        """Give back what is free, if the process has grown since the last time; return whether it has."""
        resident_bytes = _resident_bytes()
        self._kept_bytes = min(self._kept_bytes, resident_bytes)
        if self._trim is None or resident_bytes - self._kept_bytes < GROWN_BYTES:
            return False
        self._trim(0)
        self._kept_bytes = _resident_bytes()
        return True


def leave_out_what_stays() -> None:
    """Have the garbage collector look no more at what is there now: modules, routes and statements."""
    gc.freeze()


def _of_the_c_library(name: str) -> Callable[..., Any] | None:
    function: Callable[..., Any] | None = getattr(ctypes.CDLL(None), name, None)
    return function


def _resident_bytes() -> int:
    """Return how much of the machine's memory this process has; 0 where the system does not say."""
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
