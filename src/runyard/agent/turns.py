"""What jobs of one machine share is made by one of them; the others wait, and find it there."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from runyard.agent.steps import Steps

LOOKS_EVERY_S = 0.2


@contextlib.contextmanager
def in_turn(folder: Path, steps: Steps, waits: str) -> Iterator[None]:
    """Be the only one that works on a folder, which is made.

    Args:
        folder: The folder.
        steps: Told while another has it; it stops the waiting too.
        waits: What is said then.

    Raises:
        Stopped: The agent was told to stop.
        OSError: The folder can't be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w", encoding="ascii") as lock:
        is_said = False
        while not _is_taken(lock.fileno()):
            if not is_said:
                steps.say(waits)
            is_said = True
            steps.pause(LOOKS_EVERY_S)
        yield


def _is_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
