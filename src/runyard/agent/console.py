"""What a script prints, and what the agent says: kept on disk in pieces until the server has them.

The pieces and their names are those of ``runyard run``, so that who reads along need not know which it was.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PIECE_BYTES = 1_000_000
SHOWN_EVERY_S = 1.0
SHOWN_BYTES_PER_S = 250_000
REMEMBERED_BYTES = 4096
MAX_WAITING_BYTES = 2_000_000_000
VEILED = b"***"
LEAST_HELD_BYTES = 4
"""A letter that a secret begins with is not kept from who waits for it."""

_log = logging.getLogger("runyard.agent")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece as it is right now.

    Args:
        path: Where it lies.
        size_bytes: How much of it there is.
        is_full: Whether nothing more comes.
    """

    path: Path
    size_bytes: int
    is_full: bool


class Veil:
    """Hides a secret in what passes by, also where it comes in two parts.

    Args:
        secret: What nobody is to read; empty for nothing.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._held = b""

    def over(self, content: bytes) -> bytes:
        """Return what came before and was held back, and what comes now, but for what is held back now."""
        content = self._held + content
        if self._secret:
            content = content.replace(self._secret, VEILED)
        lengths = range(min(len(self._secret) - 1, len(content)), LEAST_HELD_BYTES - 1, -1)
        count = next((each for each in lengths if content.endswith(self._secret[:each])), 0)
        self._held = content[len(content) - count :]
        return content[: len(content) - count]

    def rest(self) -> bytes:
        """Return what was held back, as nothing more comes."""
        rest, self._held = self._held, b""
        return rest


class StreamLog:
    """One stream, as files of at most :data:`PIECE_BYTES`; nothing about them makes it raise.

    What an agent that died has left in the folder is sent too, and continued.

    Args:
        name: ``stdout``, ``stderr`` or ``setup``.
        folder: Where the pieces lie until they are sent.
        news: Set when there is something to send.
        secret: What is hidden in it.
    """

    def __init__(
        self, name: str, folder: Path, news: threading.Event | None = None, secret: bytes = b""
    ) -> None:
        self._name = name
        self._folder = folder
        self._news = news or threading.Event()
        self._lock = threading.Lock()
        numbers = sorted(int(path.name.split(".")[1]) for path in folder.glob(f"{name}.*.log"))
        self._full = numbers[:-1]
        self._number = numbers[-1] if numbers else 1
        self._size = self._path(self._number).stat().st_size if numbers else 0
        self._sent_size = 0
        self._due_s = 0.0
        self._is_broken = False
        self._left_out_bytes = 0
        self._tail = b""
        self._veil = Veil(secret)

    @property
    def last_line(self) -> str:
        """The last line with something in it."""
        lines = self._tail.decode("utf-8", "replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def take(self, content: bytes) -> None:
        """Keep what came."""
        with self._lock:
            content = self._veil.over(content)
            self._tail = (self._tail + content)[-REMEMBERED_BYTES:]
            for start in range(0, len(content), PIECE_BYTES):
                self._append(content[start : start + PIECE_BYTES])
        self._news.set()

    def say(self, line: str) -> None:
        """Keep a line of the agent's own."""
        self.take(f"{line}\n".encode("utf-8", "backslashreplace"))

    def due(self, now_s: float, *, is_last: bool = False) -> Piece | None:
        """Return the piece to send next: one that is full, or one that grew if it is time for that.

        Args:
            now_s: The time, on the clock of :func:`time.monotonic`.
            is_last: Whether nothing more comes, so that nothing is waited for.
        """
        with self._lock:
            if is_last and (rest := self._veil.rest()):
                self._append(rest)
            if self._full:
                path = self._path(self._full[0])
                return Piece(path, path.stat().st_size if path.exists() else 0, is_full=True)
            if self._size > self._sent_size and (is_last or now_s >= self._due_s):
                return Piece(self._path(self._number), self._size, is_full=False)
            return None

    def sent(self, piece: Piece, now_s: float) -> None:
        """Take note that the server has a piece, or that it never will."""
        with self._lock:
            if piece.path == self._path(self._number):
                self._sent_size = piece.size_bytes
                self._due_s = now_s + max(SHOWN_EVERY_S, piece.size_bytes / SHOWN_BYTES_PER_S)
            elif piece.is_full:
                self._full = [number for number in self._full if self._path(number) != piece.path]
                piece.path.unlink(missing_ok=True)

    def _append(self, content: bytes) -> None:
        if self._is_broken or not self._has_room(len(content)):
            return
        if self._left_out_bytes:
            content = f"\n[{self._left_out_bytes} bytes are left out here]\n".encode() + content
            self._left_out_bytes = 0
        if self._size + len(content) > PIECE_BYTES and self._size:
            self._full.append(self._number)
            self._number, self._size, self._sent_size, self._due_s = self._number + 1, 0, 0, 0.0
        try:
            with self._path(self._number).open("ab") as opened:
                opened.write(content)
        except OSError as error:
            self._is_broken = True
            _log.warning("What is printed to %s is not kept any more: %s", self._name, error)
            return
        self._size += len(content)

    def _has_room(self, size_bytes: int) -> bool:
        if len(self._full) * PIECE_BYTES < MAX_WAITING_BYTES:
            return True
        self._left_out_bytes += size_bytes
        return False

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._name}.{number:06d}.log"


class Console:
    """The streams of a job.

    Args:
        folder: Where their pieces lie until they are sent; it is made.
        secret: The job's key: who reads a log is not to have the rights of its job.
    """

    def __init__(self, folder: Path, secret: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.news = threading.Event()
        """Set when there is something to send."""
        self.setup = StreamLog("setup", folder, self.news, secret.encode())
        self.stdout = StreamLog("stdout", folder, self.news, secret.encode())
        self.stderr = StreamLog("stderr", folder, self.news, secret.encode())

    def due(self, *, is_last: bool = False) -> tuple[StreamLog, Piece] | None:
        """Return what to send next, and of which stream."""
        now_s = time.monotonic()
        for log in (self.setup, self.stdout, self.stderr):
            piece = log.due(now_s, is_last=is_last)
            if piece is not None:
                return log, piece
        return None
