"""What of its machine a script has to itself: processors and GPUs by index, and memory up to a limit."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOOKS_EVERY_S = 1.0
_KB = 1024


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a machine.

    Args:
        cpus: Indices of the processors that it may use; empty for all.
        gpus: Indices of the GPUs; None where nobody has divided them, empty for none.
        memory_bytes: How much memory; 0 for no limit.
    """

    cpus: tuple[int, ...] = ()
    gpus: tuple[int, ...] | None = None
    memory_bytes: int = 0

    @property
    def variables(self) -> dict[str, str]:
        """What tells libraries of it, which else count what the whole machine has."""
        found = {}
        if self.cpus:
            found["OMP_NUM_THREADS"] = str(len(self.cpus))
        if self.gpus is not None:
            shown = ",".join(map(str, self.gpus))
            found |= dict.fromkeys(("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"), shown)
            found["NVIDIA_VISIBLE_DEVICES"] = shown or "void"
        return found

    @property
    def variables_inside(self) -> dict[str, str]:
        """What is told otherwise in a container, which has these GPUs alone, so counts them from 0."""
        if not self.gpus:
            return {}
        shown = ",".join(map(str, range(len(self.gpus))))
        return dict.fromkeys(("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"), shown)


def read_share(content: Mapping[str, Any]) -> Share:
    """Return the share that an assignment tells of.

    Raises:
        TypeError: It tells of none.
        ValueError: A number is none.
    """
    gpus = content.get("gpus")
    return Share(
        tuple(int(each) for each in content.get("cpus", [])),
        None if gpus is None else tuple(int(each) for each in gpus),
        int(content.get("memory_bytes", 0)),
    )


def over_limit(limit_bytes: int) -> str:
    """Return why a script ended that wanted more memory than the kernel lets its container have."""
    return f"it ran out of memory (SIGKILL): it may hold {limit_bytes >> 20} MiB"


class MemoryWatch:
    """Looks every second how much memory a process and all that it has started hold.

    Args:
        pid: The process.
        limit_bytes: How much they may; 0 for no limit.
    """

    def __init__(self, pid: int, limit_bytes: int) -> None:
        self._pid = pid
        self._limit_bytes = limit_bytes
        self._looked_s = 0.0
        self._held_bytes = 0

    @property
    def complaint(self) -> str:
        """How much was held when it was looked last, and how much may be."""
        return f"it held {self._held_bytes >> 20} MiB of memory, and may hold {self._limit_bytes >> 20} MiB"

    def is_over(self) -> bool:
        """Whether it is more than they may."""
        now_s = time.monotonic()
        if not self._limit_bytes or now_s - self._looked_s < LOOKS_EVERY_S:
            return False
        self._looked_s = now_s
        self._held_bytes = sum(_held_bytes(pid) for pid in _with_descendants(self._pid))
        return self._held_bytes > self._limit_bytes


def _with_descendants(pid: int) -> Iterator[int]:
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in path.read_text(encoding="ascii").split():
                yield from _with_descendants(int(child))


def _held_bytes(pid: int) -> int:
    """Return a process's memory, with its part of what it shares with others."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * _KB
    return 0
