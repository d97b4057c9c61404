"""What a server's machine is called, and which of several servers of one home looks after its jobs."""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import threading
from pathlib import Path

from runyard.errors import Unavailable
from runyard.settings import Settings


def name_of_this_machine(settings: Settings) -> str:
    """Return what tells this machine, and this home on it, from others that share a database."""
    home = hashlib.sha256(str(settings.home.absolute()).encode()).hexdigest()
    return f"{socket.gethostname()}/{home[:8]}"


class MachineTurn:
    """A lock that a server takes when it can and keeps for as long as it lives; the kernel passes it on.

    Two that start agents in one folder would end each other's, and both give away the slot that is free.

    Args:
        home: The home; other machines may share it, and each of them has jobs of its own.
        machine: What this one is called; left out, by its host name.
    """

    def __init__(self, home: Path, machine: str = "") -> None:
        name = hashlib.sha256((machine or socket.gethostname()).encode()).hexdigest()[:8]
        self._path = home / f"jobs-{name}.lock"
        self._descriptor: int | None = None
        self._lock = threading.Lock()

    def is_mine(self) -> bool:
        """Return whether it is this server's turn; once it is, it stays so until it is closed.

        Raises:
            Unavailable: The home can't be used.
        """
        with self._lock:
            if self._descriptor is None:
                self._descriptor = _taken(self._path)
            return self._descriptor is not None

    def close(self) -> None:
        """Let another server have it."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
            self._descriptor = None


def _taken(path: Path) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(f"{path} can't be used: {error.strerror}.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:
        os.close(descriptor)
        raise Unavailable(f"{path} can't be locked: {error.strerror}.") from None
    return descriptor
