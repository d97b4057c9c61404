"""A control group whose processes may hold no more than so much memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tests.waiting import until


@contextlib.contextmanager
def memory_group(limit_bytes: int) -> Iterator[Path]:
    """Make a control group whose processes may hold so much; it must be empty in the end."""
    older = Path("/sys/fs/cgroup/memory")
    root, name = (older, "memory.limit_in_bytes") if older.is_dir() else (older.parent, "memory.max")
    group = root / f"runyard-{os.getpid()}"
    group.mkdir()
    try:
        (group / name).write_text(str(limit_bytes))
        yield group
    finally:
        until(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()
