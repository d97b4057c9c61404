"""What a script prints: shown as it comes, and kept in pieces while the script runs."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

PIECE_BYTES = 1_000_000
SHOWN_EVERY_S = 15.0
REMEMBERED_BYTES = 4096

_log = logging.getLogger("runyard.script")

Keep = Callable[[Path, str], object]


class StreamLog:
    """One stream of a script, as files of at most :data:`PIECE_BYTES`; nothing about them makes it raise.

    A piece is kept when it is full. The one that still grows is kept now and then too, under its name, so
    that people can read along.

    Args:
        name: ``stdout`` or ``stderr``.
        folder: Where the pieces lie until they are kept.
        keep: Keeps a copy of a file under a path of the run.
        is_sent: Tells whether all that was kept so far has reached the server. While it has not, copies of
            a growing piece would only fill the disk.
        live: Descriptor to show the stream at; None shows it nowhere.
    """

    def __init__(
        self, name: str, folder: Path, keep: Keep, is_sent: Callable[[], bool], live: int | None = None
    ) -> None:
        self._name = name
        self._folder = folder
        self._keep = keep
        self._is_sent = is_sent
        self._live = live
        self._number = 1
        self._size = self._kept_size = 0
        self._kept_s = time.monotonic()
        self._is_broken = False
        self._tail = b""

    @property
    def last_line(self) -> str:
        """The last line with something in it."""
        lines = self._tail.decode("utf-8", "replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def take(self, content: bytes) -> None:
        """Show what the script printed, and keep it."""
        self._show(content)
        self._tail = (self._tail + content)[-REMEMBERED_BYTES:]
        for start in range(0, len(content), PIECE_BYTES):
            self._append(content[start : start + PIECE_BYTES])
        self.look()

    def look(self) -> None:
        """Keep a piece that grew, if it is time for that."""
        if (
            self._size > self._kept_size
            and time.monotonic() - self._kept_s >= SHOWN_EVERY_S
            and self._is_sent()
        ):
            self._keep_piece()

    def close(self) -> None:
        """Keep the last piece."""
        if self._size > self._kept_size:
            self._keep_piece()

    def _show(self, content: bytes) -> None:
        if self._live is None:
            return
        try:
            while content:
                content = content[os.write(self._live, content) :]
        except OSError:
            # The reader, as `head`, has seen enough; the script goes on, and what it prints is kept.
            self._live = None

    def _append(self, content: bytes) -> None:
        if self._is_broken:
            return
        if self._size + len(content) > PIECE_BYTES and self._size:
            self._keep_piece()
            with contextlib.suppress(OSError):
                self._piece.unlink(missing_ok=True)
            self._number, self._size, self._kept_size = self._number + 1, 0, 0
        try:
            with self._piece.open("ab") as opened:
                opened.write(content)
        except OSError as error:
            self._break(error)
            return
        self._size += len(content)

    def _keep_piece(self) -> None:
        try:
            self._keep(self._piece, f"console/{self._piece.name}")
        except OSError as error:
            self._break(error)
        self._kept_size, self._kept_s = self._size, time.monotonic()

    def _break(self, error: OSError) -> None:
        self._is_broken = True
        _log.warning("What the script prints to %s is not kept any more: %s", self._name, error)

    @property
    def _piece(self) -> Path:
        return self._folder / f"{self._name}.{self._number:06d}.log"
