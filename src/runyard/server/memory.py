"""How much of the machine's memory a server keeps: what large answers needed goes back."""

from __future__ import annotations

import ctypes
import gc
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Of glibc's <malloc.h>.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

HEAPS = 2
REUSED_BYTES = 32 * 1024 * 1024
"""Up to which size a piece of memory is used again by the next who asks; glibc takes no more."""
GROWN_BYTES = 32 * 1024 * 1024
"""By how much a server has grown when it is worth looking for what can go back."""
GROWN_QUIETLY_BYTES = 8 * 1024 * 1024
"""The same for one that has little to do."""
QUIET_SHARE = 0.05
LOOKS_BETWEEN = 10
"""After so many looks a server that holds more than it ever had to is worth another try."""
LOOKS_EVERY_S = 1.0
_STATM = Path("/proc/self/statm")


def share_heaps() -> bool:
    """Have all threads allocate from two heaps, and return whether the C library can be told so.

    Left alone, glibc gives them up to eight for each processor; what is free in one is of no use to another.
    """
    mallopt = _of_the_c_library("mallopt")
    return mallopt is not None and mallopt(_M_ARENA_MAX, HEAPS) == 1


def reuse_what_is_freed() -> bool:
    """Have large pieces of memory used again at once, and return whether the C library can be told so.

    Left alone, glibc gives the end of a heap back with each large answer and asks for it again with the next:
    the system clears a page for each 4 KiB of it, which is a third of what a search of a thousand runs costs.
    """
    mallopt = _of_the_c_library("mallopt")
    if mallopt is None:
        return False
    told = [mallopt(_M_MMAP_THRESHOLD, REUSED_BYTES), mallopt(_M_TRIM_THRESHOLD, 2 * REUSED_BYTES)]
    return told == [1, 1]


class FreedMemory:
    """Gives memory that was freed back to the system, now and then, and soon where there is little to do.

    glibc keeps what was freed for the next who asks: a history of a million points would be paid for as long
    as the server lives. To have each such piece come from the system and go back at once is no better: it
    halves what a second brings of long histories and large files.

    Args:
        cpu_s: Tells the processor's time that the process has used.
    """

    def __init__(self, cpu_s: Callable[[], float] = time.process_time) -> None:
        self._trim = _of_the_c_library("malloc_trim")
        self._kept_bytes = self._least_bytes = _resident_bytes()
        self._looks_since = 0
        self._cpu_s = cpu_s
        self._used_s = cpu_s()

    def give_back(self) -> bool:
        """Give back what is free, if there is likely to be much; return whether it has.

        That is so if the process has grown since the last time. What was in use then may be free by now: one
        that holds more than it once did is worth it too, now and then. It is to be called every
        ``LOOKS_EVERY_S``.
        """
        resident_bytes, used_s = _resident_bytes(), self._cpu_s()
        is_quiet = used_s - self._used_s < QUIET_SHARE * LOOKS_EVERY_S
        self._used_s = used_s
        self._looks_since += 1
        self._kept_bytes = min(self._kept_bytes, resident_bytes)
        if self._trim is None or not self._is_worth_it(resident_bytes, is_quiet):
            return False
        self._trim(0)
        self._looks_since = 0
        self._kept_bytes = _resident_bytes()
        self._least_bytes = min(self._least_bytes, self._kept_bytes)
        return True

    def _is_worth_it(self, resident_bytes: int, is_quiet: bool) -> bool:
        since_bytes = self._kept_bytes if self._looks_since < LOOKS_BETWEEN else self._least_bytes
        worth_bytes = GROWN_QUIETLY_BYTES if is_quiet else GROWN_BYTES
        return resident_bytes - since_bytes >= worth_bytes


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
