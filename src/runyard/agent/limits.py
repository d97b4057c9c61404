"""What limits the agent itself: a container is outside of its control group, so an engine must be told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from runyard.agent.shares import Share

_ROOT, _GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_NO_LIMIT_BYTES = 1 << 60
"""Where nothing limits it, the older interface says how much can be counted."""


def within_own(share: Share, root: Path = _ROOT, groups: Path = _GROUPS) -> Share:
    """Return a share that is no larger than what this process has, as a scheduler gave it to the job.

    Args:
        share: What the job was given by the server.
        root: Where control groups are seen.
        groups: Says which are this process's.
    """
    limits = [each for each in (share.memory_bytes, *_memory_limits(root, groups)) if each]
    own = tuple(sorted(os.sched_getaffinity(0)))
    is_narrowed = len(own) < (os.cpu_count() or 1)
    return replace(
        share,
        cpus=share.cpus or (own if is_narrowed else ()),
        memory_bytes=min(limits, default=0),
    )


def _memory_limits(root: Path, groups: Path) -> Iterator[int]:
    """Yield the limits of this process's group and of those that it is in."""
    try:
        lines = groups.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if number == "0":
            yield from _limits_up(root, path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _limits_up(root / "memory", path, "memory.limit_in_bytes")


def _limits_up(root: Path, path: str, name: str) -> Iterator[int]:
    # A container sees its own group as the root.
    group = root / path.lstrip("/")
    for each in (group, *group.parents):
        if each.is_relative_to(root):
            yield _limit(each / name)


def _limit(path: Path) -> int:
    """Return how many bytes a file allows; 0 for no limit."""
    try:
        allowed = int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # it is not there, or says "max"
        return 0
    return allowed if allowed < _NO_LIMIT_BYTES else 0
