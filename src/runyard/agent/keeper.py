"""One agent as a program in the foreground, for schedulers that see nothing but a program: how it ends is how
the agent did, and its last words say so to a launcher that never sees the machine.
"""

from __future__ import annotations

import ctypes
import json
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from runyard.agent.marks import COMPLETED
from runyard.agent.station import ALIVE, Station

LAST_WORDS = "runyard-end: "
"""What the last line begins with that is printed; then comes JSON, as a station's ``look`` returns it."""
LOOKS_EVERY_S = 0.5

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1


class Keeper:
    """Starts one agent, ends it when this process is told to, and says how it ended.

    Args:
        station: Has the agent's folder.
        handle: The agent's.
    """

    def __init__(self, station: Station, handle: str) -> None:
        self._station = station
        self._handle = handle
        self._is_to_stop = False

    def keep(self, told: Path) -> int:
        """Start the agent, return its exit code when it is gone, and leave no folder behind.

        Args:
            told: The assignment; it holds a key, so the file is removed as soon as it is read.

        Raises:
            OSError: There is no such file, or no room for the folder.
            ValueError: It is no assignment.
        """
        for number in _STOPPING:
            signal.signal(number, self._stop)
        assignment = json.loads(told.read_text(encoding="utf-8"))
        told.unlink()
        self._station.prepare(self._handle, assignment)
        self._station.start(self._handle)
        seen = self._seen_at_last()
        sys.stdout.write(f"{LAST_WORDS}{json.dumps(seen)}\n")
        sys.stdout.flush()
        self._station.forget(self._handle)
        return 0 if seen.get("status") == COMPLETED else _failure(seen.get("exit_code"))

    def _seen_at_last(self) -> Mapping[str, Any]:
        is_told = False
        while (seen := self._station.look([self._handle])[self._handle])["state"] == ALIVE:
            if self._is_to_stop and not is_told:
                self._station.cancel(self._handle)
                is_told = True
            time.sleep(LOOKS_EVERY_S)
        return seen

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._is_to_stop = True


def end_with_parent() -> None:
    """Have the kernel tell this process to stop when the one that started it dies, where it knows how."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    except (OSError, AttributeError):
        return


def _failure(exit_code: int | None) -> int:
    """Return a code that tells failure, the script's own if it is one."""
    return exit_code if exit_code is not None and 0 < exit_code < 256 else 1
