"""Looks into the code of jobs: what was seen of an archive is remembered, and few are unpacked at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from runyard.errors import Unavailable

UNPACKED_AT_ONCE = 1
"""To unpack keeps a processor busy, and whoever may read code may ask for it as often as they like."""
TURN_WITHIN_S = 3.0
REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class CodeFile:
    """A file of a job's code.

    Args:
        path: Its path below the folder, with slashes.
        size_bytes: Its length.
        is_executable: Whether its owner may execute it.
    """

    path: str
    size_bytes: int
    is_executable: bool


@dataclass(frozen=True, slots=True)
class CodeListing:
    """Files of a job's code, in the order of the archive.

    Args:
        files: As many as are listed.
        is_cut: Whether there may be more.
    """

    files: tuple[CodeFile, ...]
    is_cut: bool


class CodeLooks:
    """What one server has seen, for any thread."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, CodeListing] = OrderedDict()
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(UNPACKED_AT_ONCE)

    def find(self, sha256: str) -> CodeListing | None:
        """Return what was seen in an archive; whether it may be looked at is the caller's to ask."""
        with self._lock:
            found = self._seen.get(sha256)
            if found is not None:
                self._seen.move_to_end(sha256)
            return found

    def keep(self, sha256: str, listing: CodeListing) -> None:
        """Remember what is in an archive, which never changes."""
        with self._lock:
            self._seen[sha256] = listing
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until an archive may be unpacked, for as long as the block runs.

        Raises:
            Unavailable: Others take too long.
        """
        if not self._turns.acquire(timeout=TURN_WITHIN_S):
            raise Unavailable("Others are looking into the code of jobs just now. Try again, or download it.")
        try:
            yield
        finally:
            self._turns.release()
