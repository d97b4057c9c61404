"""How much of the machine's memory a server keeps: what one large answer needed goes back."""

from __future__ import annotations

import ctypes
import gc

# Numbers of glibc's <malloc.h>.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

LARGE_BYTES = 512 * 1024
"""A piece of this size comes from the system and goes back there when it is freed."""
KEPT_FREE_BYTES = 1024 * 1024
HEAPS = 2


def keep_memory_small() -> bool:
    """Have the C library give back what is freed, and return whether it can be told so.

    Left alone, glibc keeps pieces of up to 32 MiB once one such was freed, and gives threads heaps of their
    own, eight for each processor. A history of a million points would then be paid for as long as the server
    lives. Other C libraries have no such call, and no such habit.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    asked = ((_M_ARENA_MAX, HEAPS), (_M_MMAP_THRESHOLD, LARGE_BYTES), (_M_TRIM_THRESHOLD, KEPT_FREE_BYTES))
    return [mallopt(name, value) for name, value in asked] == [1] * len(asked)


def leave_out_what_stays() -> None:
    """Have the garbage collector look no more at what is there now: modules, routes and statements."""
    gc.freeze()
